// Asks Keyward about somebody's credential. KEYWARD_URL, SERVICE_KEY (a key whose user has the role SERVICE)
// and CREDENTIAL come from the environment.

type Caller = { kind: "person" | "api_key"; username: string; roles: string[]; permissions: string[] };
type Verdict = { allowed: boolean; reason: string | null; caller: Caller | null };
type Decision = Verdict & { results: { permission: string; allowed: boolean; reason: string | null }[] };

/** Keyward's answer. Anything but an answer throws: then refuse. */
async function ask<Answer>(path: string, question: object): Promise<Answer> {
  const response = await fetch(`${process.env.KEYWARD_URL}/api/v1/${path}`, {
    method: "POST",
    headers: { Authorization: process.env.SERVICE_KEY!, "Content-Type": "application/json" },
    body: JSON.stringify(question),
    signal: AbortSignal.timeout(2000),
  });
  if (!response.ok) {
    throw new Error(`Keyward answered ${response.status}`);
  }
  return (await response.json()) as Answer;
}

const credential = process.env.CREDENTIAL;

// Who is this?
const verdict = await ask<Verdict>("verify", { credential });
console.log(verdict.allowed ? `allowed: ${verdict.caller!.username}` : `refused: ${verdict.reason}`);

// May they do this?
const permissions = ["read:database", "write:database"];
const decision = await ask<Decision>("authorize", { credential, permissions });
for (const { permission, allowed } of decision.results) {
  console.log(permission, allowed ? "yes" : "no");
}
