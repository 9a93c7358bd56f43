// Signs in with amazon-cognito-identity-js, which Amplify's older versions are built on: SRP, a new password,
// a one-time code. URL, POOL_ID, CLIENT_ID, USERNAME, PASSWORD and, for the challenges, NEW_PASSWORD and CODE
// come from the environment; what happened is printed as one line of JSON.

const { AuthenticationDetails, CognitoUser, CognitoUserPool } = require("amazon-cognito-identity-js");

const { URL: endpoint, POOL_ID, CLIENT_ID, USERNAME, PASSWORD, NEW_PASSWORD, CODE } = process.env;
const pool = new CognitoUserPool({ UserPoolId: POOL_ID, ClientId: CLIENT_ID, endpoint });
const user = new CognitoUser({ Username: USERNAME, Pool: pool });
const challenges = [];

const callbacks = {
  onSuccess: (session) => {
    const { email, token_use } = session.getIdToken().payload;
    console.log(JSON.stringify({ challenges, email, token_use }));
  },
  onFailure: (error) => console.log(JSON.stringify({ challenges, code: error.code, message: error.message })),
  newPasswordRequired: () => {
    challenges.push("NEW_PASSWORD_REQUIRED");
    user.completeNewPasswordChallenge(NEW_PASSWORD, {}, callbacks);
  },
  totpRequired: () => {
    challenges.push("SOFTWARE_TOKEN_MFA");
    user.sendMFACode(CODE, callbacks, "SOFTWARE_TOKEN_MFA");
  },
};

user.authenticateUser(new AuthenticationDetails({ Username: USERNAME, Password: PASSWORD }), callbacks);
