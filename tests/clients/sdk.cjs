// @aws-sdk/client-cognito-identity-provider: one command, signed with the credentials, if there are any.

const sdk = require("@aws-sdk/client-cognito-identity-provider");
const { converse } = require("./conversation.cjs");

const { URL: endpoint, REGION: region } = process.env;

converse({
  send: async (operation, input, credentials) => {
    const client = new sdk.CognitoIdentityProviderClient({ endpoint, region, credentials, maxAttempts: 1 });
    const { $metadata, ...answer } = await client.send(new sdk[`${operation}Command`](input));
    return answer;
  },
});
