// Lets a test talk with a JavaScript library for as long as it needs: each line of standard input is
// `[operation, ...arguments]` in JSON, each line of standard output what became of it. What the library asks
// of its surroundings meanwhile, the test answers with a line.

const { createInterface } = require("node:readline");

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (document) => console.log(JSON.stringify(document));

async function converse(operations) {
  for (let line; !(line = await lines.next()).done; ) {
    const [operation, ...args] = JSON.parse(line.value);
    try {
      say({ result: (await operations[operation](...args)) ?? null });
    } catch (error) {
      const name = error.name === "Error" ? error.constructor.name : error.name;
      say({ refusal: { name: error.code ?? name, message: error.message } });
    }
  }
  // What a library keeps open, for later, would keep this program here.
  process.exit();
}

async function ask(question, ...args) {
  say({ question, arguments: args });
  return JSON.parse((await lines.next()).value);
}

module.exports = { ask, converse };
