// Lets a test talk with a JavaScript library for as long as it needs: each line of standard input is
// `[operation, ...arguments]` in JSON, each line of standard output what became of it.

const { createInterface } = require("node:readline");

module.exports = async function converse(operations) {
  for await (const line of createInterface({ input: process.stdin })) {
    const [operation, ...args] = JSON.parse(line);
    let outcome;
    try {
      outcome = { result: (await operations[operation](...args)) ?? null };
    } catch (error) {
      const name = error.name === "Error" ? error.constructor.name : error.name;
      outcome = { refusal: { name: error.code ?? name, message: error.message } };
    }
    console.log(JSON.stringify(outcome));
  }
  // What a library keeps open, for later, would keep this program here.
  process.exit();
};
