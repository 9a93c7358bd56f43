// amazon-cognito-identity-js, which Amplify's older versions are built on, as one user has it.
// What ends a sign-in is either the tokens or the challenge that comes next.

const identity = require("amazon-cognito-identity-js");
const { converse } = require("./conversation.cjs");

const { URL: endpoint, POOL_ID: UserPoolId, CLIENT_ID: ClientId } = process.env;
const pool = new identity.CognitoUserPool({ UserPoolId, ClientId, endpoint });
let user;

const named = (Username) => (user = new identity.CognitoUser({ Username, Pool: pool }));

const tokens = (session) => ({
  AccessToken: session.getAccessToken().getJwtToken(),
  IdToken: session.getIdToken().getJwtToken(),
  RefreshToken: session.getRefreshToken().getToken(),
  claims: session.getIdToken().payload,
});

const listed = (attributes) => Object.entries(attributes).map(([Name, Value]) => ({ Name, Value }));

// The library has two ways to call back.
const answered = (start) =>
  new Promise((resolve, reject) => start((error, result) => (error ? reject(error) : resolve(result))));
const heard = (start) =>
  new Promise((resolve, reject) => {
    const challenge = (name) => (_, parameters) => resolve({ challenge: name, parameters });
    start({
      onSuccess: (result) => resolve(result?.getIdToken ? tokens(result) : result),
      onFailure: reject,
      associateSecretCode: (SecretCode) => resolve({ SecretCode }),
      inputVerificationCode: resolve,
      newPasswordRequired: (attributes, required) =>
        resolve({ challenge: "NEW_PASSWORD_REQUIRED", attributes, required }),
      totpRequired: challenge("SOFTWARE_TOKEN_MFA"),
      mfaRequired: challenge("SMS_MFA"),
      mfaSetup: challenge("MFA_SETUP"),
      selectMFAType: challenge("SELECT_MFA_TYPE"),
    });
  });

converse({
  signIn: (Username, Password, flow = "USER_SRP_AUTH") => {
    named(Username).setAuthenticationFlowType(flow);
    const details = new identity.AuthenticationDetails({ Username, Password });
    return heard((callbacks) => user.authenticateUser(details, callbacks));
  },
  completeNewPassword: (password, attributes = {}) =>
    heard((callbacks) => user.completeNewPasswordChallenge(password, attributes, callbacks)),
  sendMFACode: (code, type) => heard((callbacks) => user.sendMFACode(code, callbacks, type)),
  sendMFASelection: (type) => heard((callbacks) => user.sendMFASelectionAnswer(type, callbacks)),
  associateSoftwareToken: () => heard((callbacks) => user.associateSoftwareToken(callbacks)),
  verifySoftwareToken: (code) => heard((callbacks) => user.verifySoftwareToken(code, "phone", callbacks)),
  preferSoftwareToken: () =>
    answered((done) => user.setUserMfaPreference(null, { Enabled: true, PreferredMfa: true }, done)),
  getUserData: () => answered((done) => user.getUserData(done, { bypassCache: true })),
  refresh: async () => {
    const { RefreshToken } = tokens(user.getSignInUserSession());
    const token = new identity.CognitoRefreshToken({ RefreshToken });
    return tokens(await answered((done) => user.refreshSession(token, done)));
  },
  signUp: (Username, password, attributes) =>
    answered((done) => pool.signUp(Username, password, listed(attributes), null, done)).then(
      ({ user, userConfirmed, userSub, codeDeliveryDetails }) => {
        named(user.getUsername());
        return { userConfirmed, userSub, codeDeliveryDetails };
      },
    ),
  confirmSignUp: (code) => answered((done) => user.confirmRegistration(code, false, done)),
  resendCode: () => answered((done) => user.resendConfirmationCode(done)),
  forgotPassword: (Username) => heard((callbacks) => named(Username).forgotPassword(callbacks)),
  confirmPassword: (code, password) => heard((callbacks) => user.confirmPassword(code, password, callbacks)),
  changePassword: (old, password) => answered((done) => user.changePassword(old, password, done)),
  updateAttributes: (attributes) => answered((done) => user.updateAttributes(listed(attributes), done)),
  deleteAttributes: (names) => answered((done) => user.deleteAttributes(names, done)),
  sendAttributeCode: (name) => heard((callbacks) => user.getAttributeVerificationCode(name, callbacks)),
  verifyAttribute: (name, code) => heard((callbacks) => user.verifyAttribute(name, code, callbacks)),
  deleteUser: () => answered((done) => user.deleteUser(done)),
  signOut: () => answered((done) => user.signOut(done)),
  globalSignOut: () => heard((callbacks) => user.globalSignOut(callbacks)),
});
