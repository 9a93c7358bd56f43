// aws-amplify, version 6, as one browser tab has it, its tokens in memory.

const { Amplify } = require("aws-amplify");
const auth = require("aws-amplify/auth");
const converse = require("./conversation.cjs");

const { URL: userPoolEndpoint, POOL_ID: userPoolId, CLIENT_ID: userPoolClientId } = process.env;
Amplify.configure({ Auth: { Cognito: { userPoolId, userPoolClientId, userPoolEndpoint } } });

converse({
  ...auth,
  fetchAuthSession: async (options) => {
    const { tokens } = await auth.fetchAuthSession(options);
    if (!tokens) return null;
    const { accessToken, idToken } = tokens;
    return { AccessToken: `${accessToken}`, IdToken: `${idToken}`, claims: idToken.payload };
  },
});
