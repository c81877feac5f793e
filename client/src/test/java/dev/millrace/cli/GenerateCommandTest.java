package dev.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.OneofDescriptor;
import com.google.protobuf.Message;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.JsonFormat;
import dev.millrace.client.ApiKey;
import dev.millrace.client.ClientSettings;
import dev.millrace.client.FakeModel;
import dev.millrace.client.FakeServer;
import dev.millrace.client.FakeServer.Answer;
import dev.millrace.v1.CandidateToken;
import dev.millrace.v1.ChatPrompt;
import dev.millrace.v1.FinishReason;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.LogprobsKind;
import dev.millrace.v1.Priority;
import dev.millrace.v1.TokenInfo;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.Model.OptionSpec;

class GenerateCommandTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private Palette palette = Palette.PLAIN;

  private int run(
      String standardInput, OutputStream out, Distribution distribution, String... args) {
    Streams streams =
        new Streams(
            new ByteArrayInputStream(standardInput.getBytes(StandardCharsets.UTF_8)),
            out,
            new PrintStream(err, true, StandardCharsets.UTF_8),
            () -> palette);
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
  void errorsAndCountsAreColouredOnATerminalAndAnswersNever() throws Exception {
    palette = Palette.COLOURED;
    try (FakeServer server = new FakeServer(Answer::whole)) {
      run("generate", "x", "--target=" + server.target(), "--max-tokens=5", "--stats", "--json");
    }
    run("generate", "x", "--target=localhost:1", "--max-tokens=0");

    assertThat(out()).isNotEmpty().doesNotContain("\u001b");
    assertThat(err().lines().toList())
        .satisfiesExactly(
            counts -> assertThat(counts).startsWith("\u001b[2mmillrace: 0 prompt tokens"),
            error -> assertThat(error).startsWith("\u001b[31mmillrace: --max-tokens is 0"),
            help -> assertThat(help).doesNotContain("\u001b"));
  }

  @Test
  void aKeyIsShownToTheServerAndNowhereElse() throws Exception {
    try (FakeServer server = new FakeServer(request -> Answer.refused(Status.UNAUTHENTICATED))) {
      String target = "--target=" + server.target();
      int code = run("generate", "It is easy", target, "--api-key=the-key-of-alice");

      assertThat(server.authorizations).containsExactly("Bearer the-key-of-alice");
      assertThat(code).isEqualTo(ExitCode.FAILED);
      assertThat(out() + err()).doesNotContain("the-key");
    }
    assertThat(run("generate", "It is", "--target=localhost:1", "--api-key=a key")).isEqualTo(2);
    assertThat(err()).contains("--api-key: an API key must be").doesNotContain("a key\"");
    ApiKey key = new ApiKey("the-key-of-alice");
    assertThat(ClientSettings.builder().apiKey(Optional.of(key)).build().toString())
        .doesNotContain("alice");
  }

  @Test
  void everyFieldOfARequestHasAnOption(@TempDir Path folder) throws Exception {
    Path schema = Files.writeString(folder.resolve("schema.json"), "{\"type\":\"object\"}");
    try (FakeServer server = new FakeServer(Answer::whole)) {
      run(
          "générer 🚀",
          out,
          null,
          "generate",
          "-",
          "--target=" + server.target(),
          "--model=m",
          "--add-special",
          "--parse-special",
          "--temperature=0.5",
          "--top-k=40",
          "--top-p=0.9",
          "--min-p=0.05",
          "--repetition-penalty=1.1",
          "--frequency-penalty=-0.5",
          "--presence-penalty=0.25",
          "--penalty-window=64",
          "--logit-bias=7=-Infinity",
          "--logit-bias=8=2.5",
          "--seed=18446744073709551615",
          "--max-tokens=2",
          "--min-tokens=1",
          "--stop=a",
          "--stop=b",
          "--stop-id=5",
          "--include-stop",
          "--ignore-eos",
          "--time-limit=1.5",
          "--json-schema=@" + schema,
          "--echo",
          "--tokens",
          "--prompt-tokens",
          "--logprobs=processed",
          "--top-candidates=3",
          "--tokens-per-event=4",
          "--candidates=2",
          "--adapter=l",
          "--priority=batch",
          "--cache-salt=s",
          "--request-id=r",
          "--max-queue-time=0.25");
      GenerateRequest.Builder expected =
          GenerateRequest.newBuilder()
              .setModel("m")
              .setText("générer 🚀")
              .setAddSpecialTokens(true)
              .setParseSpecialTokens(true)
              .setCandidateCount(2)
              .setAdapter("l")
              .setPriority(Priority.PRIORITY_BATCH)
              .setCacheSalt("s")
              .setRequestId("r")
              .setMaxQueueTime(Durations.fromMillis(250));
      expected
          .getSamplingBuilder()
          .setTemperature(0.5f)
          .setTopK(40)
          .setTopP(0.9f)
          .setMinP(0.05f)
          .setRepetitionPenalty(1.1f)
          .setFrequencyPenalty(-0.5f)
          .setPresencePenalty(0.25f)
          .setPenaltyWindow(64)
          .putLogitBias(7, Float.NEGATIVE_INFINITY)
          .putLogitBias(8, 2.5f)
          .setSeed(-1);
      expected
          .getStopBuilder()
          .setMaxTokens(2)
          .setMinTokens(1)
          .addSequences("a")
          .addSequences("b")
          .addTokenIds(5)
          .setIncludeStop(true)
          .setIgnoreEos(true)
          .setTimeLimit(Durations.fromMillis(1_500));
      expected.getResponseFormatBuilder().setJsonSchema("{\"type\":\"object\"}");
      expected
          .getOutputBuilder()
          .setEchoPrompt(true)
          .setTokens(true)
          .setPromptTokens(true)
          .setLogprobs(true)
          .setLogprobsKind(LogprobsKind.LOGPROBS_KIND_PROCESSED)
          .setTopCandidates(3)
          .setTokensPerEvent(4);
      assertThat(err()).isEmpty();
      assertThat(server.requests).containsExactly(expected.build());
      // Whoever adds a field to the contract gives it an option. Streams are resumed by the client.
      assertThat(unset(expected.build())).containsExactly("resume");
    }
  }

  /** Names of the fields that a message and those in it leave out; of a oneof, one is enough. */
  private static List<String> unset(Message message) {
    List<String> names = new ArrayList<>();
    for (FieldDescriptor field : message.getDescriptorForType().getFields()) {
      OneofDescriptor oneof = field.getRealContainingOneof();
      boolean isSet =
          oneof != null
              ? message.hasOneof(oneof)
              : field.isRepeated()
                  ? message.getRepeatedFieldCount(field) > 0
                  : message.hasField(field);
      if (!isSet) {
        names.add(field.getName());
      } else if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE
          && !field.isRepeated()
          && message.hasField(field)
          && field.getMessageType().getFile() == GenerateRequest.getDescriptor().getFile()) {
        names.addAll(unset((Message) message.getField(field)));
      }
    }
    return names;
  }

  @Test
  void promptsComeFromFilesAndAsTokenIds(@TempDir Path folder) throws Exception {
    Path prompt = Files.writeString(folder.resolve("prompt.txt"), "two\nlines\n");
    try (FakeServer server = new FakeServer(Answer::whole)) {
      run("generate", "--file", prompt.toString(), "--target", server.target().toString());
      run("generate", "--token-ids=3,4", "--no-add-special", "--target=" + server.target());
      assertThat(server.requests).extracting(GenerateRequest::getText).contains("two\nlines\n");
      assertThat(server.requests.getLast().getTokenIds().getIdsList()).containsExactly(3, 4);
      assertThat(server.requests.getLast().hasAddSpecialTokens()).isTrue();
      assertThat(server.requests.getLast().getAddSpecialTokens()).isFalse();

      Path latin = Files.write(folder.resolve("latin.txt"), new byte[] {(byte) 0xE9, ' '});
      int code = run("generate", "-f", latin.toString(), "--target=" + server.target());
      assertThat(code).isEqualTo(ExitCode.FAILED);
      assertThat(err()).contains("latin.txt isn't UTF-8");
    }
  }

  @Test
  void aConversationComesFromAFileAsOthersHaveIt(@TempDir Path folder) throws Exception {
    Path messages =
        Files.writeString(
            folder.resolve("messages.json"),
            """
            [{"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
             {"role": "assistant", "content": null, "tool_calls": [{"id": "1"}]},
             {"role": "tool", "tool_call_id": "1", "name": "clock", "content": "noon"}]
            """);
    Path tools = Files.writeString(folder.resolve("tools.json"), "[{\"type\":\"function\"}]");
    try (FakeServer server = new FakeServer(Answer::whole)) {
      run(
          "generate",
          "--messages=" + messages,
          "--tools=" + tools,
          "--template-arguments={\"think\":false}",
          "--no-generation-prompt",
          "--target=" + server.target());
      ChatPrompt.Builder expected =
          ChatPrompt.newBuilder()
              .addToolsJson("{\"type\":\"function\"}")
              .setTemplateArgumentsJson("{\"think\":false}")
              .setAddGenerationPrompt(false);
      expected.addMessagesBuilder().setRole("system").addPartsBuilder().setText("Be brief.");
      expected.addMessagesBuilder().setRole("assistant").addToolCallsJson("{\"id\":\"1\"}");
      expected
          .addMessagesBuilder()
          .setRole("tool")
          .setToolCallId("1")
          .setName("clock")
          .setContent("noon");
      assertThat(err()).isEmpty();
      assertThat(server.requests.getFirst().getChat()).isEqualTo(expected.build());
    }
  }

  @Test
  void severalCandidatesAreTextsOfTheirOwn() throws Exception {
    List<GenerateResponse> events =
        List.of(
            delta(0, "a", 1),
            delta(1, "x", 2),
            delta(0, "b", 3),
            finished(0),
            delta(1, "y", 4),
            finished(1));
    try (FakeServer server = new FakeServer(asked -> Answer.of(events))) {
      run("generate", "x", "--candidates=2", "--target=" + server.target());
      assertThat(out()).isEqualTo("[candidate 0: MAX_TOKENS]\nab\n[candidate 1: MAX_TOKENS]\nxy\n");
    }
  }

  @Test
  void tokensAreLinesWithWhatWasAskedFor() throws Exception {
    TokenInfo token =
        TokenInfo.newBuilder()
            .setId(7)
            .setPiece(ByteString.copyFromUtf8(" \"é"))
            .setLogprob(-0.25f)
            .setRank(2)
            .addTopCandidates(
                CandidateToken.newBuilder()
                    .setId(9)
                    .setPiece(ByteString.copyFrom(new byte[] {(byte) 0xF0, 'a', '\n'}))
                    .setLogprob(-0.125f))
            .build();
    GenerateResponse.Builder prompt = GenerateResponse.newBuilder();
    prompt.getPromptBuilder().addTokens(TokenInfo.newBuilder().setId(1));
    GenerateResponse.Builder delta = GenerateResponse.newBuilder();
    delta.getDeltaBuilder().setText("unseen").addTokens(token);
    List<GenerateResponse> events = List.of(prompt.build(), delta.build());
    try (FakeServer server = new FakeServer(asked -> Answer.of(events))) {
      run("generate", "x", "--tokens", "--logprobs", "--target=" + server.target());
      assertThat(out())
          .isEqualTo("prompt\t1\t\"\"\n7\t\" \\\"é\"\t-0.2500\t#2\t9 \"\\xf0a\\x0a\" -0.1250\n");
    }
  }

  private static GenerateResponse delta(int candidate, String text, int id) {
    GenerateResponse.Builder event = GenerateResponse.newBuilder();
    event.getDeltaBuilder().setCandidate(candidate).setText(text).addTokenIds(id);
    return event.build();
  }

  private static GenerateResponse finished(int candidate) {
    GenerateResponse.Builder event = GenerateResponse.newBuilder();
    event
        .getFinishedBuilder()
        .setCandidate(candidate)
        .setReason(FinishReason.FINISH_REASON_MAX_TOKENS);
    return event.build();
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
        "generate x --target a:1 --file F",
        "generate --target a:1",
        "generate x --target a:1 --regex a --choice b",
        "generate x --target a:1 --logprobs",
        "generate x --target a:1 --tools F",
        "generate x --target a:1 --logit-bias 7",
        "generate x --target a:1 --priority high",
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
