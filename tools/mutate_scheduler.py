#!/usr/bin/env python3
"""Breaks the scheduler in one way after another, and sees whether the simulator notices.

Each mutation is an edit of one source file, made on a copy; the simulator then runs over worlds from seeds until one
fails or the time is up. Exits with 1 if a mutation survives, or doesn't apply any more.

    mvn -B -q test-compile -pl server -am          # first: what isn't mutated comes from target/
    tools/mutate_scheduler.py [NAME ...]           # with a JAVA_HOME of JDK 25 or newer

Names choose mutations; without any, all are made. MILLRACE_TEST_LIBRARIES may hold a class path of the tests'
libraries; otherwise Maven's dependency plugin is asked for it.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ENGINE = "server/src/main/java/dev/millrace/engine/"
KV = "tensor-core/src/main/java/dev/millrace/kv/"
JAVA = pathlib.Path(os.environ.get("JAVA_HOME", "/usr")) / "bin"
MODULES = ["server/target/test-classes", "server/target/classes", "tensor-core/target/classes", "proto/target/classes"]
SECONDS = "PT40S"  # of simulation before a mutation has survived

# name: (file, what is there, what is put there instead)
MUTATIONS = {
    "prefixes are found without their salt": (
        KV + "PrefixCache.java", "&& salt.equals(within)\n", "\n",
        KV + "PrefixHash.java", "hash = mix(hash ^ salt.charAt(i));", "hash = mix(hash);"),
    "tokens aren't compared when names are equal": (
        KV + "PrefixCache.java",
        "&& Arrays.equals(tokens, 0, tokens.length, of, from, from + tokens.length)", ""),
    "a block is shared before it is full": (
        ENGINE + "Blocks.java", "(sequence.shared() + 1) * blockSize <= sequence.computed()",
        "(sequence.shared() + 1) * blockSize <= sequence.computed() + 1"
        " && (sequence.shared() + 1) * blockSize <= sequence.length()"),
    "a block is freed twice": (
        KV + "PrefixCache.java", "    retain(there);\n    release(block);\n",
        "    retain(there);\n    release(block);\n    release(there.block);\n"),
    "a cancelled sequence keeps a reference": (
        ENGINE + "EngineState.java", "blocks.releaseOrLeave(sequence, endedWell);",
        "if (endedWell || sequence.blocks().size() == 0) {\n"
        "      blocks.releaseOrLeave(sequence, endedWell);\n    }"),
    "parents are evicted before their children": (
        KV + "PrefixCache.java", "evict(idle.getFirst());", "evict(idle.getLast());"),
    "priorities don't age": (
        ENGINE + "Priorities.java", "own + raised", "own"),
    "a stalled row is scheduled": (
        ENGINE + "Scheduler.java", "    if (sequence.isStalled()) {\n      return false;\n    }\n    int room =",
        "    int room = 1 +"),
    "a chunk isn't taken from the budget": (
        ENGINE + "Scheduler.java", "        budget -= count;\n", ""),
    "an event is repeated after preemption": (
        ENGINE + "Generation.java", "void countPreemption() {\n", "void countPreemption() {\n    promptTold = false;\n"),
    "deadlines are ignored in the queue": (
        ENGINE + "EngineState.java", "if (lifetime.deadlinePassed(now)) {",
        "if (lifetime.deadlinePassed(now) && lifetime.wasStarted()) {"),
    "a follower waits for a dead leader": (
        ENGINE + "Following.java", "leader.phase() == Sequence.Phase.RUNNING\n        && leader.isPrefilling()",
        "(leader.phase() == Sequence.Phase.ENDED || leader.isPrefilling())"),
    "another salt's prompt is waited for": (
        ENGINE + "Following.java", "if (!sequence.salt().equals(other.salt())) {", "if (false) {"),
    "a block is written to that its leader still writes to": (
        ENGINE + "Blocks.java", "    int block = cache.allocate();\n    copies.add(",
        "    int block = donor.blocks().block(sequence.shared());\n    copies.add("),
    "tokens are told twice when a sequence comes back": (
        ENGINE + "Sequence.java", "    enter(Phase.QUEUED);\n    computed = 0;\n",
        "    enter(Phase.QUEUED);\n    computed = 0;\n    length = Math.max(generation.request().prompt().length, length - 1);\n"),
    "copy on write is skipped": (
        ENGINE + "Blocks.java", "    copies.add(new Copy(donor.blocks().block(sequence.shared()), block));\n", ""),
    "a block that is written to is shared in place": (
        ENGINE + "Blocks.java",
        "      cache.release(block);\n    } else {\n      sequence.blocks().append(block);\n    }",
        "      sequence.blocks().append(block);\n    } else {\n      sequence.blocks().append(block);\n    }",
        ENGINE + "Blocks.java",
        "if (cache.isShared(left.blocks().block(index)) && cache.available() > 0) {",
        "if (false) {"),
    "the last token's logits are taken from the cache": (
        ENGINE + "Blocks.java", "(sequence.length() - 1) / blockSize;", "sequence.length() / blockSize;"),
    "a preempted sequence keeps its progress": (
        ENGINE + "Sequence.java", "    enter(Phase.QUEUED);\n    computed = 0;\n", "    enter(Phase.QUEUED);\n"),
    "a draft's block is shared before it is accepted": (
        ENGINE + "EngineState.java", "    countPromptRead(sequence);\n    blocks.share(sequence);\n",
        "    countPromptRead(sequence);\n    sequence.advance(entry.drafted(), now);\n    blocks.share(sequence);\n"
        "    sequence.advance(-entry.drafted(), now);\n"),
    "a draft's token is told though another was drawn": (
        ENGINE + "Verification.java", "        break;\n",
        "        drawn.set(row - 1, new SampledToken(draft, Float.NaN, 0, List.of()));\n"),
    "drafts go on behind what the reader has room for": (
        ENGINE + "Drafts.java", "Math.min(wanted, sequence.worstCaseLength() - sequence.length())",
        "Math.min(1000, sequence.worstCaseLength() - sequence.length())"),
    "drafts go on behind the last token": (
        ENGINE + "Drafts.java", "Math.min(wanted, sequence.worstCaseLength() - sequence.length())",
        "Math.min(wanted, 1000)"),
    "rows of wrong drafts count as computed": (
        ENGINE + "EngineState.java", "      blocks.trim(sequence);\n",
        "      sequence.advance(entry.count() - drawn.size(), now);\n"),
    "drafted tokens are drawn by the mask of the first": (
        ENGINE + "Verification.java", "      ahead.accept(draft);\n", ""),
    "sleepers keep their places": (
        ENGINE + "Scheduler.java", "      startWaiting(now, true);\n", ""),
    "sleepers keep their blocks": (
        ENGINE + "Scheduler.java", "    parkSleepers(now);\n", "",
        ENGINE + "Preemption.java", "    if (sleeper != null) {\n      return sleeper;\n    }\n", ""),
}


def libraries():
    given = os.environ.get("MILLRACE_TEST_LIBRARIES")
    if given:
        return given
    with tempfile.NamedTemporaryFile("r", suffix=".classpath") as out:
        subprocess.run(
            ["mvn", "-B", "-q", "-pl", "server", "-am", "test-compile", "dependency:build-classpath", "-Dmdep.outputFile=" + out.name],
            cwd=ROOT, check=True)
        return out.read().strip()


def run(edits, class_path, folder):
    """Whether the simulator failed with these edits, and what it said."""
    sources = {}
    for i in range(0, len(edits), 3):
        name, old, new = edits[i : i + 3]
        text = sources.get(name) or (ROOT / name).read_text()
        if old not in text:
            return None, f"{name} has no more: {old}"
        sources[name] = text.replace(old, new)
    files = []
    for name, text in sources.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        files.append(file)
    out = folder / "classes"
    flags = ["--add-modules", "jdk.incubator.vector"]
    compiled = subprocess.run(
        [JAVA / "javac", "-nowarn", "-proc:none", *flags, "-d", out, "-cp", class_path, *files],
        capture_output=True, text=True)
    if compiled.returncode != 0:
        return None, compiled.stderr
    ran = subprocess.run(
        [JAVA / "java", *flags, "-Xmx1g", "-cp", f"{out}{os.pathsep}{class_path}",
         "dev.millrace.engine.SimulationTest", SECONDS, "0"],
        capture_output=True, text=True)
    return ran.returncode != 0, ran.stderr


def main():
    chosen = sys.argv[1:] or list(MUTATIONS)
    class_path = os.pathsep.join([*(str(ROOT / module) for module in MODULES), libraries()])
    survivors = 0
    for name in chosen:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            failed, said = run(MUTATIONS[name], class_path, pathlib.Path(folder))
        verdict = {True: "caught", False: "SURVIVED", None: "DOES NOT APPLY"}[failed]
        survivors += failed is not True
        print(f"{verdict:15} {time.monotonic() - begun:6.1f} s  {name}", flush=True)
        if failed is None:
            print(said)
        elif failed:
            causes = [line for line in said.splitlines() if "rror" in line or "xception" in line]
            print(" " * 25, (causes[-1] if causes else said[-200:]).strip()[:140])
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
