// aws-amplify, version 6, as one browser tab has it, its tokens in memory.

const { Amplify } = require("aws-amplify");
const auth = require("aws-amplify/auth");
const { ask, converse } = require("./conversation.cjs");

const { URL: userPoolEndpoint, POOL_ID: userPoolId, CLIENT_ID: userPoolClientId } = process.env;
Amplify.configure({ Auth: { Cognito: { userPoolId, userPoolClientId, userPoolEndpoint } } });

// What a browser has, as far as Amplify looks at it. The passkey itself is the test's.
class PublicKeyCredential {
  constructor({ response, ...credential }) {
    Object.assign(this, credential, { rawId: bytes(credential.rawId), response });
  }
  getClientExtensionResults() {
    return {};
  }
}
class AuthenticatorResponse {
  constructor({ transports, ...members }) {
    for (const [name, value] of Object.entries(members)) this[name] = bytes(value);
    this.getTransports = () => transports;
    this.getPublicKeyAlgorithm = () => -7;
    this.getPublicKey = () => null;
    this.getAuthenticatorData = () => this.authenticatorData;
  }
}
class AuthenticatorAttestationResponse extends AuthenticatorResponse {}
class AuthenticatorAssertionResponse extends AuthenticatorResponse {}

const bytes = (text) => Uint8Array.from(Buffer.from(text, "base64url")).buffer;
const text = (_, value) => (value instanceof ArrayBuffer ? Buffer.from(value).toString("base64url") : value);
const credential = async (question, { publicKey }, Response) => {
  const answer = await ask(question, JSON.parse(JSON.stringify(publicKey, text)));
  return new PublicKeyCredential({ ...answer, response: new Response(answer.response) });
};

function becomeBrowser() {
  const credentials = {
    create: (options) => credential("create", options, AuthenticatorAttestationResponse),
    get: (options) => credential("get", options, AuthenticatorAssertionResponse),
  };
  const parts = { PublicKeyCredential, AuthenticatorAttestationResponse, AuthenticatorAssertionResponse };
  const window = { document: {}, isSecureContext: true, ...parts };
  const globals = { window, document: window.document, navigator: { credentials }, ...parts };
  for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value });
}

converse({
  ...auth,
  becomeBrowser,
  // Amplify puts another function in its place when somebody signs up.
  autoSignIn: () => auth.autoSignIn(),
  fetchAuthSession: async (options) => {
    const { tokens } = await auth.fetchAuthSession(options);
    if (!tokens) return null;
    const { accessToken, idToken } = tokens;
    return { AccessToken: `${accessToken}`, IdToken: `${idToken}`, claims: idToken.payload };
  },
});
