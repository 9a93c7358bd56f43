// aws-jwt-verify. It fetches the keys over TLS, and trusts whom NODE_EXTRA_CA_CERTS names.

const { CognitoJwtVerifier, JwtVerifier } = require("aws-jwt-verify");
const { SimpleFetcher } = require("aws-jwt-verify/https");
const { SimpleJwksCache } = require("aws-jwt-verify/jwk");
const { converse } = require("./conversation.cjs");

// Amazon's name leads to Keyward, as a resolver on the premises would have it.
const lookup = (_, { all }, done) =>
  all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);

converse({
  // Anybody's issuer, whose keys are where OpenID Connect expects them.
  verify: (properties, token) => JwtVerifier.create(properties).verify(token),
  // A pool of Cognito, whose issuer can't be anything but Amazon's.
  verifyCognito: (port, properties, token) => {
    const fetcher = new SimpleFetcher({ defaultRequestOptions: { port, lookup } });
    const jwksCache = new SimpleJwksCache({ fetcher });
    return CognitoJwtVerifier.create(properties, { jwksCache }).verify(token);
  },
});
