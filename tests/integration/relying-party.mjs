// A relying party of its own kind: @simplewebauthn/server checks what the security key made.
//
// Reads one JSON object from stdin: {kind: "registration" | "authentication", response, challenge, origin, rpId, credential,
// requireUserVerification}, and prints {verified, …} or {error}. The module is found in $KEYFOB_NODE_MODULES.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';

const require = createRequire(join(process.env.KEYFOB_NODE_MODULES, 'x'));
const { verifyRegistrationResponse, verifyAuthenticationResponse } = require('@simplewebauthn/server');

let text = '';
for await (const chunk of process.stdin) text += chunk;
const input = JSON.parse(text);
const common = {
  response: input.response,
  expectedChallenge: input.challenge,
  expectedOrigin: input.origin,
  expectedRPID: input.rpId,
  requireUserVerification: input.requireUserVerification,
};

try {
  if (input.kind === 'registration') {
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      ...common,
      supportedAlgorithmIDs: [-7, -8],
    });
    console.log(JSON.stringify({
      verified,
      format: registrationInfo?.fmt,
      aaguid: registrationInfo?.aaguid,
      userVerified: registrationInfo?.userVerified,
      deviceType: registrationInfo?.credentialDeviceType,
      credential: {
        id: registrationInfo?.credential.id,
        publicKey: Buffer.from(registrationInfo?.credential.publicKey ?? []).toString('base64url'),
        counter: registrationInfo?.credential.counter,
      },
    }));
  } else {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      ...common,
      credential: { ...input.credential, publicKey: Buffer.from(input.credential.publicKey, 'base64url') },
    });
    console.log(JSON.stringify({ verified, userVerified: authenticationInfo.userVerified }));
  }
} catch (error) {
  console.log(JSON.stringify({ verified: false, error: error.message }));
}
