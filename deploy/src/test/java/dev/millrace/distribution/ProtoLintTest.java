package dev.millrace.distribution;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** buf comes from npm, where there are node and a network: a build doesn't depend on it. */
class ProtoLintTest {
  private static final String BUF = "@bufbuild/buf@1.75.0";

  /** What buf exits with when files break rules. */
  private static final int RULES_BROKEN = 100;

  @Test
  void theApiKeepsBufsStandardRules() {
    Command.Result lint = Command.of("npx", "--yes", BUF, "lint", "proto").run();

    if (lint.exitCode() != 0 && lint.exitCode() != RULES_BROKEN) {
      throw Command.skip("buf can't be run here: " + lint.err());
    }
    assertThat(lint.out()).isEmpty();
    assertThat(lint.exitCode()).isZero();
  }
}
