/**
 * The house, proven: import arrows and cycles, names, lengths, and that pages, configuration, errors, events and invariants are true. What a
 * linter can check, the linter checks; everything else that a reader relies on is here.
 */
import { existsSync, globSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, extname } from "node:path";
import { expect } from "chai";
import { cruise, type ICruiseResult, type IForbiddenRuleType } from "dependency-cruiser";

const read = (path: string): string => readFileSync(path, "utf8");
const files = (...patterns: string[]): string[] =>
  patterns.flatMap((pattern) => globSync(pattern).map((file) => file.replaceAll("\\", "/"))).toSorted();

/** folder of src/ → the folders of src/ it may import (itself always). */
const arrows: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  pipeline: ["domain"],
  chain: ["domain", "pipeline/ports"],
  store: ["domain", "pipeline/ports"],
  http: ["domain", "pipeline"],
  web: [],
};

function rules(): IForbiddenRuleType[] {
  const forbidden: IForbiddenRuleType[] = Object.entries(arrows).map(([from, allowed]) => ({
    name: `${from} imports only ${["itself", ...allowed].join(", ")}`,
    severity: "error",
    from: { path: `^src/${from}/` },
    to: { path: "^(src|scripts|test)/", pathNot: [`^src/${from}/`, ...allowed.map((place) => `^src/${place}[/.]`)] },
  }));
  return [
    ...forbidden,
    { name: "no import cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "src never imports hardhat",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "node_modules/hardhat/" },
    },
    {
      name: "src never imports scripts or tests",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(scripts|test)/" },
    },
    {
      name: "verbs are clients: scripts/remesa imports config, domain, chain and the HTTP client",
      severity: "error",
      from: { path: "^scripts/remesa" },
      to: {
        path: "^src/",
        pathNot: ["^src/(config|log)[.]ts$", "^src/(domain|chain)/", "^src/http/(client|schemas|views)[.]ts$"],
      },
    },
  ];
}

interface AbiEntry {
  readonly type: string;
  readonly name?: string;
  readonly stateMutability?: string;
  readonly inputs?: readonly unknown[];
}
const contracts = [
  "Stablecoin",
  "Treasury",
  "VaspRegistry",
  "Dispatcher",
  "escrow/RedemptionEscrow",
  "escrow/ClaimEscrow",
  "escrow/CommerceEscrow",
  "escrow/FxSwap",
];
function abiOf(path: string): readonly AbiEntry[] {
  return (JSON.parse(read(`artifacts/contracts/${path}.sol/${basename(path)}.json`)) as { abi: readonly AbiEntry[] })
    .abi;
}
/** Declared by what we inherit and never raised by it in our use: OpenZeppelin declares them for others. */
const unreachable = new Set([
  "AccessManagedInvalidAuthority", // our setAuthority always reverts with AuthorityFixed
  "AccessManagedRequiredDelay", // declared by OpenZeppelin 5.7, raised nowhere in it
  "InvalidShortString", // raised for a broken short string in storage; ours are immutables
  "EIP712DomainChanged", // our domains never change
]);
const contractTests = (): string => files("test/contracts/**/*.ts", "test/support/*.ts").map(read).join("\n");

function codeLines(path: string): number {
  return read(path)
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.trim().startsWith("//")).length;
}

describe("the house", () => {
  it("has only the import arrows of docs/ARCHITECTURE.md and no cycles", async function () {
    this.timeout(120_000);
    const { output } = await cruise(["src", "scripts"], {
      ruleSet: { forbidden: rules() },
      tsPreCompilationDeps: true,
      doNotFollow: { path: "node_modules" },
      enhancedResolveOptions: { extensions: [".ts", ".mjs", ".js", ".json"] },
      validate: true,
    });
    const { modules, summary } = output as ICruiseResult;
    // A cruise that read nothing would pass.
    const read = modules.map((module) => module.source).filter((path) => /^src\/.*\.ts$/.test(path));
    expect(read.length).to.equal(files("src/**/*.ts").length);
    expect(summary.violations.map((found) => `${found.rule.name}: ${found.from} → ${found.to}`)).to.deep.equal([]);
  });

  it("has no file or folder with a name that says nothing", () => {
    const banned = /^(utils?|helpers?|common|shared|misc|core|managers?|handlers?|services?)$/i;
    const named = files("src/**", "contracts/**").filter((path) => banned.test(basename(path, extname(path))));
    expect(named).to.deep.equal([]);
  });

  it("has only lowercase or kebab-case file names in src and scripts", () => {
    const odd = files("src/**/*.ts", "scripts/**/*.ts").filter(
      (path) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.d)?\.ts$/.test(basename(path)),
    );
    expect(odd).to.deep.equal([]);
  });

  it("opens every TypeScript file of src and scripts with a header that says what it owns", () => {
    const bare = files("src/**/*.ts", "scripts/**/*.ts").filter(
      (path) => !/^(#!.*\n)?\/\*\*\n( \*.*\n){2,}/.test(read(path)) && !read(path).startsWith("// Generated"),
    );
    expect(bare).to.deep.equal([]);
  });

  it("has no file over its length without a line in the decision page", () => {
    const page = read("docs/decisions/0001-the-house.md");
    const over = [
      ...files("src/**/*.ts", "scripts/**/*.ts", "test/tidy.test.ts").filter(
        (path) => codeLines(path) > 350 && !read(path).startsWith("// Generated"),
      ),
      ...files("contracts/**/*.sol").filter((path) => codeLines(path) > 600),
    ];
    expect(over.filter((path) => !page.includes(path))).to.deep.equal([]);
  });

  it("has only the top level of the decision page", () => {
    const page = read("docs/decisions/0001-the-house.md") + read("README.md");
    const ignored = new Set([
      ".git",
      "node_modules",
      ...read(".gitignore")
        .split("\n")
        .map((line) => line.replace(/\/$/, "")),
    ]);
    const unknown = readdirSync(".").filter(
      (name) => !ignored.has(name) && !name.endsWith(".tgz") && !page.includes(name),
    );
    expect(unknown).to.deep.equal([]);
  });

  it("shows its real top two levels in the README", () => {
    const tree = /```tree\n([\s\S]*?)```/.exec(read("README.md"))?.[1] ?? "";
    const shown = new Set<string>();
    let folder = "";
    for (const line of tree.split("\n")) {
      const match = /^( *)([\w.-]+\/?)/.exec(line);
      if (match === null) continue;
      const [, indent = "", name = ""] = match;
      if (indent === "") folder = name;
      shown.add(indent === "" ? name : `${folder}${name}`);
    }
    const real: string[] = [];
    for (const top of ["contracts/", "src/", "test/"]) {
      real.push(top);
      for (const name of readdirSync(top)) real.push(`${top}${name}${statSync(top + name).isDirectory() ? "/" : ""}`);
    }
    expect(real.filter((path) => !shown.has(path))).to.deep.equal([]);
    expect([...shown].filter((path) => !existsSync(path))).to.deep.equal([]);
  });

  it("never mentions a machine's paths, leaves nothing marked as unfinished and focuses or skips no test", () => {
    const sources = files(
      "contracts/**/*.sol",
      "src/**/*.*",
      "scripts/**/*.*",
      "test/**/*.*",
      "docs/**/*.md",
      "*.md",
      "examples/**",
    );
    const marks = [/\bTO[D]O\b|\bFIX[M]E\b/, /\b(it|describe)\.(skip|only)\(/, /\/(home|root|work)\/[a-z]/];
    const found = sources
      .filter((path) => statSync(path).isFile())
      .flatMap((path) => marks.filter((mark) => mark.test(read(path))).map((mark) => `${path}: ${mark.source}`));
    expect(found).to.deep.equal([]);
  });
});

describe("the pages", () => {
  it("link only to files that exist", () => {
    const broken = files("docs/**/*.md", "*.md", "examples/*.md").flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)]
        .map((match) => match[1] ?? "")
        .filter((target) => !existsSync(`${dirname(page)}/${target}`))
        .map((target) => `${page} → ${target}`),
    );
    expect(broken).to.deep.equal([]);
  });

  it("document every configuration key", () => {
    const block = /const environment = z\.object\(\{([\s\S]*?)\n\}\)/.exec(read("src/config.ts"))?.[1] ?? "";
    const keys = [...block.matchAll(/^ {2}([A-Z_]+):/gm)].map((match) => match[1] ?? "");
    expect(keys.length).to.be.greaterThan(5);
    const page = read("docs/CONFIG.md");
    expect(keys.filter((key) => !page.includes(`\`${key}\``))).to.deep.equal([]);
  });

  it("give every role cell that an interface cites, and every cell is cited", () => {
    const cells = [...read("docs/ROLES.md").matchAll(/^\| (\w+\.\w+) \|/gm)].map((match) => match[1] ?? "");
    const interfaces = files("contracts/interfaces/*.sol").map(read).join("\n");
    const cited = [...interfaces.matchAll(/role of cell (\w+\.\w+)/g)].map((match) => match[1] ?? "");
    expect(cells.length).to.be.greaterThan(10);
    expect(cited.toSorted()).to.deep.equal(cells.toSorted());
  });

  it("name every invariant of the tests, and every invariant of the page is tested", () => {
    const inPage = new Set([...read("docs/INVARIANTS.md").matchAll(/\b[A-Z]+-\d+\b/g)].map((match) => match[0]));
    const tests = files("test/invariants/**/*.sol").map(read).join("\n");
    const inTests = new Set(
      [
        ...tests.matchAll(
          /\b(?:COIN|WORD|TREASURY|VASP|ESCROW|REDEMPTION|CLAIM|SWAP|COMMERCE|NETWORK|DISPATCHER)-\d+\b/g,
        ),
      ].map((match) => match[0]),
    );
    expect([...inPage].filter((id) => !inTests.has(id))).to.deep.equal([]);
    expect([...inTests].filter((id) => !inPage.has(id))).to.deep.equal([]);
    expect(inPage.size).to.be.greaterThan(8);
  });
});

describe("the contracts", () => {
  it("compile without a warning; contracts of the tests may be too large to deploy", () => {
    interface Output {
      readonly output: {
        readonly errors?: readonly { readonly message: string; readonly sourceLocation?: { file: string } }[];
      };
    }
    const outputs = files("artifacts/build-info/*.output.json").map(
      (path) => (JSON.parse(read(path)) as Output).output,
    );
    expect(outputs.length).to.be.greaterThan(0);
    const warnings = outputs
      .flatMap(({ errors = [] }) => errors)
      .map(({ message, sourceLocation }) => `${sourceLocation?.file}: ${message}`)
      .filter((text) => !/test\/invariants\/.*(code|initcode) size is/.test(text));
    expect(warnings).to.deep.equal([]);
  });
});

describe("the contract tests", () => {
  for (const contract of contracts) {
    it(`reach every error of ${basename(contract)} with its full arguments`, () => {
      const tests = contractTests();
      const missing = abiOf(contract)
        .filter((entry) => entry.type === "error" && !unreachable.has(entry.name ?? ""))
        .filter(({ name, inputs }) => {
          const reached = new RegExp(`revertedWithCustomError\\([^;]*?["']${name}["'],?\\s*\\)`).test(tests);
          const full = new RegExp(`revertedWithCustomError\\([^;]*?["']${name}["'],?\\s*\\)\\s*\\.withArgs\\(`).test(
            tests,
          );
          // The behaviours of signed payments name the error and its arguments to one function that compares both.
          const behaviour = new RegExp(`expectRefused\\([^;]*?["']${name}["'],`).test(tests);
          return inputs?.length === 0 ? !reached : !full && !behaviour;
        });
      expect(missing.map((entry) => entry.name)).to.deep.equal([]);
    });

    it(`assert every event of ${basename(contract)} with its full arguments`, () => {
      const tests = contractTests();
      const missing = abiOf(contract)
        .filter((entry) => entry.type === "event" && !unreachable.has(entry.name ?? ""))
        .filter(({ name, inputs }) => {
          const full = new RegExp(`emit\\([^;]*?["']${name}["'],?\\s*\\)\\s*\\.withArgs\\(`).test(tests);
          const bare = new RegExp(`emit\\([^;]*?["']${name}["']`).test(tests);
          // Or the whole log as tuples of name and arguments.
          const tuple = new RegExp(`\\["${name}",\\s`).test(tests);
          return inputs?.length === 0 ? !bare : !full && !tuple;
        });
      expect(missing.map((entry) => entry.name)).to.deep.equal([]);
    });

    it(`have a file for every state-changing function of ${basename(contract)}`, () => {
      const names = new Set(
        abiOf(contract)
          .filter((entry) => entry.type === "function" && !["view", "pure"].includes(entry.stateMutability ?? ""))
          .map((entry) => entry.name ?? ""),
      );
      const missing = [...names].filter((name) => !existsSync(`test/contracts/${contract}/${name}.test.ts`));
      expect(missing).to.deep.equal([]);
    });
  }
});
