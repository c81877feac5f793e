package dev.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.util.JsonFormat;
import dev.millrace.client.FakeModel;
import dev.millrace.client.FakeServer;
import dev.millrace.client.FakeServer.Answer;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.Model.OptionSpec;

class GenerateCommandTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int run(
      String standardInput, OutputStream out, Distribution distribution, String... args) {
    Streams streams =
        new Streams(
            new ByteArrayInputStream(standardInput.getBytes(StandardCharsets.UTF_8)),
            out,
            new PrintStream(err, true, StandardCharsets.UTF_8));
    return Millrace.commandLine(streams, Optional.ofNullable(distribution)).execute(args);
  }

  private int run(String... args) {
    return run("", out, null, args);
  }

  private String out() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String err() {
    return err.toString(StandardCharsets.UTF_8);
  }

  private static String text(int tokens) {
    StringBuilder text = new StringBuilder();
    FakeModel.events(FakeModel.request(tokens))
        .forEachRemaining(event -> text.append(event.getDelta().getText()));
    return text.toString();
  }

  @Test
  void textGoesToStandardOutputAndNothingElse() throws Exception {
    try (FakeServer server = new FakeServer(Answer::whole)) {
      int code =
          run(
              "generate",
              "It is easy",
              "--target",
              server.target().toString(),
              "--max-tokens",
              "5");
      assertThat(code).isEqualTo(ExitCode.OK);
      assertThat(out()).isEqualTo(text(5) + "\n");
      assertThat(err()).isEmpty();
    }
  }

  @Test
  void optionsReachTheServer() throws Exception {
    try (FakeServer server = new FakeServer(Answer::whole)) {
      run(
          "générer 🚀",
          out,
          null,
          "generate",
          "-",
          "--target=" + server.target(),
          "--model=m",
          "--max-tokens=2",
          "--temperature=0.5",
          "--seed=18446744073709551615",
          "--stop=a",
          "--stop=b",
          "--parse-special");
      GenerateRequest.Builder expected =
          GenerateRequest.newBuilder()
              .setModel("m")
              .setText("générer 🚀")
              .setParseSpecialTokens(true);
      expected.getSamplingBuilder().setTemperature(0.5f).setSeed(-1);
      expected.getStopBuilder().setMaxTokens(2).addSequences("a").addSequences("b");
      assertThat(server.requests).containsExactly(expected.build());
    }
  }

  @Test
  void jsonIsOneEventALineByTheNamesOfTheApi() throws Exception {
    try (FakeServer server = new FakeServer(Answer::whole)) {
      run("generate", "x", "--target", server.target().toString(), "--max-tokens", "3", "--json");
      List<GenerateResponse> events = new ArrayList<>();
      for (String line : out().lines().toList()) {
        GenerateResponse.Builder event = GenerateResponse.newBuilder();
        JsonFormat.parser().merge(line, event);
        events.add(event.build());
      }
      assertThat(events).containsExactlyElementsOf(() -> FakeModel.events(FakeModel.request(3)));
      assertThat(out()).contains("\"sequence_number\":\"2\"", "\"token_ids\":[");
    }
  }

  @Test
  void statsAreToldOnStandardError() throws Exception {
    try (FakeServer server = new FakeServer(Answer::whole)) {
      run("generate", "x", "--target", server.target().toString(), "--max-tokens", "3", "--stats");
      assertThat(err()).matches("millrace: 0 prompt tokens, .* 3 new tokens; .* tokens/s\n");
    }
  }

  @Test
  void aFailedCallIsToldWithItsCode() throws Exception {
    try (FakeServer server =
        new FakeServer(
            asked -> Answer.refused(Status.NOT_FOUND.withDescription("no model 'm' here")))) {
      int code = run("generate", "x", "--target", server.target().toString(), "--model", "m");
      assertThat(code).isEqualTo(ExitCode.FAILED);
      assertThat(err()).isEqualTo("millrace: NOT_FOUND: no model 'm' here\n");
      assertThat(out()).isEmpty();
    }
  }

  @Test
  void aFailureInMidTextEndsTheLineFirst() throws Exception {
    try (FakeServer server = new FakeServer(asked -> Answer.cut(asked, 4, Status.INTERNAL))) {
      int code = run("generate", "x", "--target", server.target().toString());
      assertThat(code).isEqualTo(ExitCode.FAILED);
      assertThat(out()).isEqualTo(text(2) + "\n");
      assertThat(err()).isEqualTo("millrace: INTERNAL\n");
    }
  }

  @Test
  void aReaderThatGoesAwayCancelsTheCall() throws Exception {
    try (FakeServer server = new FakeServer(Answer::whole)) {
      OutputStream closed =
          new OutputStream() {
            @Override
            public void write(int b) throws IOException {
              throw new IOException("Broken pipe");
            }
          };
      int code =
          run(
              "",
              closed,
              null,
              "generate",
              "x",
              "--max-tokens=100000000",
              "--target=" + server.target());
      assertThat(code).isEqualTo(ExitCode.BROKEN_PIPE);
      assertThat(server.cancelledWithin(Duration.ofSeconds(10))).isTrue();
      assertThat(err()).isEmpty();
    }
  }

  @Test
  void withoutATargetTheDistributionsServerIsStartedAndClosed() throws Exception {
    List<String> log = new ArrayList<>();
    try (FakeServer server = new FakeServer(Answer::whole)) {
      Distribution distribution =
          new Distribution() {
            @Override
            public List<OptionSpec> serverOptions() {
              return List.of(
                  OptionSpec.builder("--threads").paramLabel("N").type(String.class).build(),
                  OptionSpec.builder("--model-cache").paramLabel("DIR").type(String.class).build());
            }

            @Override
            public EmbeddedServer start(String model, Map<String, List<String>> flags) {
              log.add("start " + model + " " + flags);
              return new EmbeddedServer() {
                @Override
                public int port() {
                  return server.target().port();
                }

                @Override
                public void close() {
                  log.add("close");
                }
              };
            }

            @Override
            public List<Object> commands() {
              return List.of();
            }
          };
      int code =
          run(
              "",
              out,
              distribution,
              "generate",
              "x",
              "--model=tiny",
              "--threads=2",
              "--max-tokens=1");
      assertThat(code).isEqualTo(ExitCode.OK);
      assertThat(log).containsExactly("start tiny {--threads=[2]}", "close");
      assertThat(server.requests)
          .singleElement()
          .extracting(GenerateRequest::getModel)
          .isEqualTo("");
      assertThat(out()).isEqualTo(text(1) + "\n");

      run("", out, distribution, "generate", "--help");
      assertThat(out()).contains("--model-cache=DIR");
    }
  }

  @Test
  void aBuildWithoutAServerSaysSo() {
    assertThat(run("generate", "x")).isEqualTo(ExitCode.USAGE);
    assertThat(err()).contains("no server inside").contains("--target HOST:PORT");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "generate",
        "generate x y",
        "generate x --target nowhere",
        "generate x --target a:1 --max-tokens 0",
        "generate x --target a:1 --seed -1",
        "generate x --target a:1 --temperature warm",
        "generate x --frobnicate",
        "bench",
        "bench --target a:1 --streams 0",
        "frobnicate"
      })
  void whatIsNoCommandLineEndsWithTwo(String line) {
    String[] args = line.isEmpty() ? new String[0] : line.split(" ", -1);
    assertThat(run(args)).isEqualTo(ExitCode.USAGE);
    assertThat(err()).startsWith("millrace: ").contains("--help' tells more");
    assertThat(out()).isEmpty();
  }

  @Test
  void helpShowsEveryCommandAndOption() {
    assertThat(run("--help")).isEqualTo(ExitCode.OK);
    assertThat(out()).contains("generate", "bench", "Exit codes:", "130");
    run("generate", "--help");
    assertThat(out()).contains("--max-tokens=N", "Default: 256");
    run("bench", "--help");
    assertThat(out()).contains("--prompt-tokens=N", "Default: 128");
    assertThat(err()).isEmpty();
  }
}
