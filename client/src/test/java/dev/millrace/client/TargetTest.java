package dev.millrace.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TargetTest {
  @Test
  void targetsAreReadAndWritten() {
    assertThat(Target.parseAll("localhost:9090,10.0.0.1:80, [::1]:9090"))
        .containsExactly(
            new Target("localhost", 9090), new Target("10.0.0.1", 80), new Target("::1", 9090))
        .extracting(Target::toString)
        .containsExactly("localhost:9090", "10.0.0.1:80", "[::1]:9090");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "host",
        "host:",
        ":9090",
        "host:0",
        "host:65536",
        "host:x",
        "::1:9090",
        "a:1,",
        "a:1,,b:2"
      })
  void whatIsNoTargetIsRefusedWithTheFormThatIsAllowed(String text) {
    assertThatThrownBy(() -> Target.parseAll(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("HOST:PORT");
  }
}
