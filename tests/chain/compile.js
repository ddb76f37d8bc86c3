// Compiles contracts/Tokens.sol and prints {"<contract>": "0x<bytecode>"}.
const fs = require("fs");
const path = require("path");
const solc = require("solc");

const content = fs.readFileSync(path.join(__dirname, "contracts", "Tokens.sol"), "utf8");
const input = {
  language: "Solidity",
  sources: { "Tokens.sol": { content } },
  settings: { evmVersion: "paris", outputSelection: { "*": { "*": ["evm.bytecode.object"] } } },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const failures = (output.errors || []).filter((error) => error.severity === "error");
if (failures.length) {
  console.error(failures.map((error) => error.formattedMessage).join("\n"));
  process.exit(1);
}
const contracts = Object.entries(output.contracts["Tokens.sol"]);
console.log(JSON.stringify(Object.fromEntries(contracts.map(([name, c]) => [name, "0x" + c.evm.bytecode.object]))));
