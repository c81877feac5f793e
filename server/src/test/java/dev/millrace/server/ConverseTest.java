package dev.millrace.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.gguf.GgufWriter;
import dev.millrace.model.Metadata;
import dev.millrace.model.ModelFile;
import dev.millrace.synthetic.SyntheticModels;
import dev.millrace.v1.CandidateToken;
import dev.millrace.v1.ChatMessage;
import dev.millrace.v1.ConverseRequest;
import dev.millrace.v1.ConverseResponse;
import dev.millrace.v1.EngineServiceGrpc;
import dev.millrace.v1.FinishReason;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GetEngineStatsRequest;
import dev.millrace.v1.OutputOptions;
import dev.millrace.v1.ResponseFormat;
import dev.millrace.v1.TextGenerationServiceGrpc;
import dev.millrace.v1.TokenInfo;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Conversations with a whole server. */
class ConverseTest {
  private static final long PATIENCE_SECONDS = 20;

  private static MillraceServer server;
  private static ManagedChannel channel;

  private final BlockingQueue<Object> arrived = new LinkedBlockingQueue<>();
  private final List<ConverseResponse> all = new ArrayList<>();
  private StreamObserver<ConverseRequest> commands;

  @BeforeAll
  static void start() throws IOException {
    server = Servers.start(Map.of());
    channel = Servers.channel(server);
  }

  @AfterAll
  static void stop() {
    channel.shutdownNow();
    server.close();
  }

  @AfterEach
  void hangUp() {
    if (commands != null) {
      commands.onCompleted();
    }
  }

  private void open(GenerateRequest.Builder request, boolean callerPicks) {
    open(channel, request, callerPicks);
  }

  private void open(Channel to, GenerateRequest.Builder request, boolean callerPicks) {
    commands =
        TextGenerationServiceGrpc.newStub(to)
            .converse(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ConverseResponse response) {
                    arrived.add(response);
                  }

                  @Override
                  public void onError(Throwable failure) {
                    arrived.add(failure);
                  }

                  @Override
                  public void onCompleted() {
                    arrived.add("completed");
                  }
                });
    send(b -> b.getOpenBuilder().setRequest(request).setCallerPicks(callerPicks));
  }

  private void send(Consumer<ConverseRequest.Builder> command) {
    ConverseRequest.Builder builder = ConverseRequest.newBuilder();
    command.accept(builder);
    commands.onNext(builder.build());
  }

  private void say(String content) {
    send(b -> b.getTurnBuilder().addMessages(user(content)));
  }

  private static ChatMessage user(String content) {
    return ChatMessage.newBuilder().setRole("user").setContent(content).build();
  }

  private static GenerateRequest.Builder chat(int maxTokens, String... messages) {
    GenerateRequest.Builder request = GenerateRequest.newBuilder();
    request.getChatBuilder();
    for (String message : messages) {
      request.getChatBuilder().addMessages(user(message));
    }
    request.getStopBuilder().setMaxTokens(maxTokens).setIgnoreEos(true);
    return request;
  }

  private Object next() throws InterruptedException {
    Object next = arrived.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    assertThat(next).as("nothing came").isNotNull();
    return next;
  }

  private ConverseResponse event() throws InterruptedException {
    Object next = next();
    assertThat(next).isInstanceOf(ConverseResponse.class);
    all.add((ConverseResponse) next);
    return (ConverseResponse) next;
  }

  /** The events up to a turn's summary. */
  private List<ConverseResponse> turn() throws InterruptedException {
    List<ConverseResponse> events = new ArrayList<>();
    do {
      events.add(event());
    } while (!events.getLast().hasSummary());
    return events;
  }

  private static List<Integer> ids(List<ConverseResponse> events) {
    return events.stream().flatMap(e -> e.getDelta().getTokenIdsList().stream()).toList();
  }

  private static FinishReason reason(List<ConverseResponse> events) {
    return events.get(events.size() - 2).getFinished().getReason();
  }

  private Code failure() throws InterruptedException {
    Object next = next();
    assertThat(next).isInstanceOf(StatusRuntimeException.class);
    return ((StatusRuntimeException) next).getStatus().getCode();
  }

  @Test
  void turnZeroAnswersTheHistoryAndTurnsAreNumbered() throws Exception {
    open(chat(4, "hello"), false);
    List<ConverseResponse> first = turn();
    say("more");
    List<ConverseResponse> second = turn();

    assertThat(first).allMatch(event -> event.getTurn() == 0);
    assertThat(second).allMatch(event -> event.getTurn() == 1);
    assertThat(first.getFirst().getStarted().getResumeToken().isEmpty()).isTrue();
    assertThat(reason(first)).isEqualTo(FinishReason.FINISH_REASON_MAX_TOKENS);
    assertThat(ids(second)).hasSize(4);
    assertThat(all.stream().map(ConverseResponse::getSequenceNumber))
        .containsExactlyElementsOf(LongStream.range(0, all.size()).boxed().toList());
  }

  @Test
  void aTurnComputesWhatIsNewAndNothingElse() throws Exception {
    GenerateRequest.Builder request = chat(5, "hello");
    request.getSamplingBuilder().putLogitBias('a', 100); // else it draws what is no text
    open(request, false);
    List<ConverseResponse> before = turn();
    for (int turn = 1; turn < 10; turn++) {
      long computed = prefillTokensComputed(channel);
      say("more " + turn);
      List<ConverseResponse> now = turn();

      int known = before.getFirst().getStarted().getPromptTokenCount() + 5;
      int prompt = now.getFirst().getStarted().getPromptTokenCount();
      // The last token that was drawn has not been computed yet.
      assertThat(prefillTokensComputed(channel) - computed).isEqualTo(prompt - known + 1);
      assertThat(now.getLast().getSummary().getUsage().getCachedPromptTokens())
          .isEqualTo(known - 1);
      before = now;
    }
  }

  @Test
  void whatATemplateLeavesOutOfThePastIsForgottenAndTheRestIsKept(@TempDir Path folder)
      throws Exception {
    Path model =
        tinyWithTemplate(
            folder,
            "{% for message in messages %}{{ message.role }}: "
                + "{% if message.role == 'user' %}{{ message.content }}{% endif %}{{ '\\n' }}"
                + "{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}");
    try (MillraceServer forgetful = Servers.start(Map.of("--model", List.of(model.toString())))) {
      ManagedChannel to = Servers.channel(forgetful);
      open(to, chat(5, "hello"), false);
      List<ConverseResponse> before = turn();
      for (int turn = 1; turn < 4; turn++) {
        long computed = prefillTokensComputed(to);
        say("more " + turn);
        List<ConverseResponse> now = turn();

        // All behind the last prompt's end is new: what was answered isn't in the text any more.
        int known = before.getFirst().getStarted().getPromptTokenCount();
        int prompt = now.getFirst().getStarted().getPromptTokenCount();
        assertThat(prompt - known).isEqualTo("\nuser: more 1\nassistant: ".length());
        assertThat(prefillTokensComputed(to) - computed).isEqualTo(prompt - known);
        assertThat(now.getLast().getSummary().getUsage().getCachedPromptTokens()).isEqualTo(known);
        before = now;
      }
      commands.onCompleted();
      assertThat(next()).isEqualTo("completed");

      GenerateRequest.Builder afresh = chat(5);
      for (String said : List.of("hello", "more 1", "more 2", "more 3")) {
        afresh.getChatBuilder().addMessages(user(said));
        afresh.getChatBuilder().addMessages(ChatMessage.newBuilder().setRole("assistant"));
      }
      afresh.getChatBuilder().removeMessages(afresh.getChatBuilder().getMessagesCount() - 1);
      open(to, afresh, false);
      assertThat(ids(turn())).isEqualTo(ids(before));
      to.shutdownNow();
      commands = null;
    }
  }

  private static Path tinyWithTemplate(Path folder, String template) throws IOException {
    Path file = folder.resolve("tiny.gguf");
    try (ModelFile tiny = SyntheticModels.tiny()) {
      Map<String, Object> values = new HashMap<>(tiny.metadata().values());
      values.put("tokenizer.chat_template", template);
      GgufWriter.write(file, new Metadata(values), tiny.tensors().values());
    }
    return file;
  }

  private static long prefillTokensComputed(Channel of) {
    return EngineServiceGrpc.newBlockingStub(of)
        .getEngineStats(GetEngineStatsRequest.getDefaultInstance())
        .getStats()
        .getPrefillTokensComputed();
  }

  @Test
  void aConversationThatBeginsEmptyWaitsForATurn() throws Exception {
    open(chat(3), false);
    say("hello");

    List<ConverseResponse> first = turn();

    assertThat(first).allMatch(event -> event.getTurn() == 1);
  }

  @Test
  void hangingUpEndsTheCallBehindTheTurnsThatWait() throws Exception {
    open(chat(3, "hello"), false);
    say("one");
    say("two");
    commands.onCompleted();
    commands = null;

    for (int turn = 0; turn < 3; turn++) {
      assertThat(turn().getLast().getTurn()).isEqualTo(turn);
    }
    assertThat(next()).isEqualTo("completed");
  }

  @Test
  void anInterruptedTurnStaysInTheConversation() throws Exception {
    open(chat(1_000, "hello"), false);
    ConverseResponse event = event();
    while (!event.hasDelta()) {
      event = event();
    }

    send(b -> b.getInterruptBuilder());
    List<ConverseResponse> rest = turn();
    send(b -> b.getTurnBuilder().addMessages(user("go on")).getStopBuilder().setMaxTokens(2));
    List<ConverseResponse> second = turn();

    assertThat(reason(rest)).isEqualTo(FinishReason.FINISH_REASON_INTERRUPTED);
    int said = rest.getLast().getSummary().getUsage().getCompletionTokens();
    assertThat(said).isLessThan(1_000);
    assertThat(second.getFirst().getStarted().getPromptTokenCount()).isGreaterThan(said);
    assertThat(ids(second)).hasSize(2);
  }

  @Test
  void aTurnCanBeInterruptedBeforeItRuns() throws Exception {
    open(chat(1_000, "hello"), false);

    send(b -> b.getInterruptBuilder());

    assertThat(reason(turn())).isEqualTo(FinishReason.FINISH_REASON_INTERRUPTED);
  }

  @Test
  void regeneratingAnswersTheSamePromptAgain() throws Exception {
    GenerateRequest.Builder request = chat(8, "hello");
    request.getSamplingBuilder().setTemperature(1).setSeed(5);
    open(request, false);
    List<ConverseResponse> first = turn();

    send(b -> b.getRegenerateBuilder());
    List<ConverseResponse> fresh = turn();
    send(b -> b.getRegenerateBuilder().getSamplingBuilder().setSeed(5));
    List<ConverseResponse> again = turn();

    assertThat(ids(again)).isEqualTo(ids(first)).isNotEqualTo(ids(fresh));
    assertThat(again.getFirst().getStarted().getPromptTokenCount())
        .isEqualTo(first.getFirst().getStarted().getPromptTokenCount());
  }

  @Test
  void rewindingGoesOnFromThere() throws Exception {
    open(chat(8, "hello"), false);
    List<ConverseResponse> first = turn();

    send(b -> b.getRewindBuilder().setTokenCount(3));
    List<ConverseResponse> again = turn();

    assertThat(ids(again)).isEqualTo(ids(first).subList(5, 8)); // greedy: the same again
    assertThat(again.getLast().getSummary().getUsage().getCompletionTokens()).isEqualTo(8);
  }

  @Test
  void aRewoundAnswerStaysWholeWhereverItsEventsWereCut() throws Exception {
    GenerateRequest.Builder request = letters(12, "hello");
    request.getOutputBuilder().setTokensPerEvent(4).setPromptTokens(true);
    open(request, false);
    List<Integer> answer = ids(turn());

    send(b -> b.getRewindBuilder().setTokenCount(3)); // 9 are left: two events, and a part
    List<ConverseResponse> rewound = turn();
    say("more");
    List<Integer> prompt = promptIds(turn());

    assertThat(ids(rewound)).isEqualTo(answer.subList(9, 12)); // greedy: the same again
    assertThat(Collections.indexOfSubList(prompt, answer)).as("%s", prompt).isPositive();
  }

  @Test
  void aRewoundAnswerGoesOnUnderATimeLimit() throws Exception {
    GenerateRequest.Builder request = chat(12, "hello");
    request.getOutputBuilder().setTokensPerEvent(4);
    request.getStopBuilder().getTimeLimitBuilder().setSeconds(3_600);
    open(request, false);
    List<Integer> answer = ids(turn());

    send(b -> b.getRewindBuilder().setTokenCount(3));
    List<ConverseResponse> rewound = turn();

    assertThat(reason(rewound)).isEqualTo(FinishReason.FINISH_REASON_MAX_TOKENS);
    assertThat(ids(rewound)).isEqualTo(answer.subList(9, 12));
  }

  @Test
  void aRewoundAnswerThatIsLongEnoughIsToldItsEnd() throws Exception {
    open(chat(3), false);
    send(b -> b.getTurnBuilder().addMessages(user("hello")).getStopBuilder().setMaxTokens(8));
    turn();

    send(b -> b.getRewindBuilder().setTokenCount(2)); // 6 are left of the opening's 3
    List<ConverseResponse> rewound = turn();
    assertThat(reason(rewound)).isEqualTo(FinishReason.FINISH_REASON_MAX_TOKENS);
    assertThat(rewound.getLast().getSummary().getUsage().getCompletionTokens()).isEqualTo(3);

    send(b -> b.getRewindBuilder().setTokenCount(4));
    assertThat(failure()).isEqualTo(Code.INVALID_ARGUMENT);
    commands = null;
  }

  @Test
  void anEchoIsNoPartOfTheConversation() throws Exception {
    List<Integer> prompts = new ArrayList<>();
    for (boolean echo : List.of(false, true)) {
      GenerateRequest.Builder request = letters(4, "hello");
      request.getOutputBuilder().setEchoPrompt(echo);
      open(request, false);
      assertThat(text(turn()).contains("hello")).isEqualTo(echo);
      say("more");
      prompts.add(turn().getFirst().getStarted().getPromptTokenCount());
      commands.onCompleted();
      assertThat(next()).isEqualTo("completed");
    }
    commands = null;

    assertThat(prompts.get(1)).isEqualTo(prompts.get(0));
  }

  /** Answered with letters: else the tiny model draws what is no text. */
  private static GenerateRequest.Builder letters(int maxTokens, String message) {
    GenerateRequest.Builder request = chat(maxTokens, message);
    for (int letter = 'a'; letter <= 'z'; letter++) {
      request.getSamplingBuilder().putLogitBias(letter, 100);
    }
    return request;
  }

  private static List<Integer> promptIds(List<ConverseResponse> events) {
    return events.stream()
        .flatMap(event -> event.getPrompt().getTokensList().stream())
        .map(TokenInfo::getId)
        .toList();
  }

  @Test
  void pickingTheLikeliestIsDrawingGreedily() throws Exception {
    open(chat(5, "hello"), false);
    List<Integer> greedy = ids(turn());
    commands.onCompleted();
    assertThat(next()).isEqualTo("completed");

    open(chat(5, "hello"), true);
    List<ConverseResponse> picked = pick(List::getFirst);

    assertThat(ids(picked)).isEqualTo(greedy);
    assertThat(reason(picked)).isEqualTo(FinishReason.FINISH_REASON_MAX_TOKENS);
    assertThat(picked.getLast().getSummary().getUsage().getCompletionTokens()).isEqualTo(5);
  }

  /** Picks whenever asked, up to the turn's end. */
  private List<ConverseResponse> pick(Function<List<CandidateToken>, CandidateToken> choice)
      throws InterruptedException {
    List<ConverseResponse> events = new ArrayList<>();
    do {
      ConverseResponse event = event();
      events.add(event);
      if (event.hasPick()) {
        List<CandidateToken> candidates = event.getPick().getCandidatesList();
        assertThat(candidates).hasSizeBetween(1, 10);
        send(
            b ->
                b.getPickBuilder()
                    .setPosition(event.getPick().getPosition())
                    .setId(choice.apply(candidates).getId()));
      }
    } while (!events.getLast().hasSummary());
    return events;
  }

  @Test
  void picksUnderAFormatAreThoseThatItAllows() throws Exception {
    GenerateRequest.Builder request = chat(50, "hello");
    request
        .getResponseFormatBuilder()
        .setJsonSchema(
            """
            {"type": "object", "properties": {"size": {"type": "integer", "minimum": 10,
             "maximum": 99}}, "required": ["size"], "additionalProperties": false}
            """);
    open(request, false);
    List<Integer> greedy = ids(turn());
    commands.onCompleted();
    assertThat(next()).isEqualTo("completed");

    open(request, true);
    List<ConverseResponse> picked = pick(List::getFirst);
    send(b -> b.getRegenerateBuilder());
    List<ConverseResponse> others = pick(List::getLast);

    assertThat(ids(picked)).isEqualTo(greedy);
    for (List<ConverseResponse> answer : List.of(picked, others)) {
      assertThat(reason(answer)).isEqualTo(FinishReason.FINISH_REASON_FORMAT_COMPLETE);
      assertThat(text(answer)).matches("\\{\"size\": ?[1-9][0-9]\\}");
    }
  }

  @Test
  void candidatesUnderAFormatHaveTheModelsOwnProbabilities() throws Exception {
    open(chat(2, "hello"), true);
    List<CandidateToken> free =
        awaitPick().getPick().getCandidatesList().stream()
            .filter(token -> token.getPiece().isValidUtf8())
            .toList();
    send(b -> b.getInterruptBuilder());
    turn();
    commands.onCompleted();
    assertThat(next()).isEqualTo("completed");

    GenerateRequest.Builder request = chat(2, "hello");
    request.getOutputBuilder().setTokens(true).setTopCandidates(2);
    request
        .getResponseFormatBuilder()
        .setChoice(
            ResponseFormat.Choice.newBuilder()
                .addOptions(free.get(4).getPiece().toStringUtf8())
                .addOptions(free.get(1).getPiece().toStringUtf8())
                .addOptions(free.get(3).getPiece().toStringUtf8()));
    open(request, true);

    assertThat(awaitPick().getPick().getCandidatesList()).containsExactly(free.get(1), free.get(3));
    send(b -> b.getPickBuilder().setId(free.get(0).getId()));
    assertThat(failure()).isEqualTo(Code.INVALID_ARGUMENT);
    commands = null;
  }

  private static String text(List<ConverseResponse> events) {
    return events.stream().map(event -> event.getDelta().getText()).collect(Collectors.joining());
  }

  @Test
  void aPickCanBeTakenBack() throws Exception {
    open(chat(2, "hello"), true);
    ConverseResponse first = awaitPick();
    send(b -> b.getPickBuilder().setId(first.getPick().getCandidates(3).getId()));
    assertThat(awaitPick().getPick().getPosition()).isEqualTo(1);

    send(b -> b.getRewindBuilder().setTokenCount(1));
    ConverseResponse again = awaitPick();

    assertThat(again.getPick()).isEqualTo(first.getPick());
    send(b -> b.getInterruptBuilder());
    assertThat(reason(turn())).isEqualTo(FinishReason.FINISH_REASON_INTERRUPTED);
  }

  @Test
  void behindPicksThatAreTakenBackOnlyNewOnesAreTold() throws Exception {
    GenerateRequest.Builder request = chat(6, "hello");
    request.getOutputBuilder().setTokensPerEvent(4);
    open(request, true);
    pickIds(0, 'a', 'b', 'c', 'd'); // an event
    awaitPick();

    send(b -> b.getRewindBuilder().setTokenCount(2));
    pickIds(2, 'e', 'f', 'g', 'h');

    assertThat(turn().getLast().getSummary().getUsage().getCompletionTokens()).isEqualTo(6);
    assertThat(ids(all)).containsExactlyElementsOf("abcdefgh".chars().boxed().toList());
  }

  private void pickIds(int position, int... ids) throws InterruptedException {
    for (int i = 0; i < ids.length; i++) {
      int index = i;
      assertThat(awaitPick().getPick().getPosition()).isEqualTo(position + i);
      send(b -> b.getPickBuilder().setPosition(position + index).setId(ids[index]));
    }
  }

  private ConverseResponse awaitPick() throws InterruptedException {
    ConverseResponse event = event();
    while (!event.hasPick()) {
      event = event();
    }
    return event;
  }

  @Test
  void whatAnsweredWrongIsRefused() throws Exception {
    open(chat(2, "hello"), true);
    awaitPick();

    send(b -> b.getPickBuilder().setPosition(7).setId(1));

    assertThat(failure()).isEqualTo(Code.INVALID_ARGUMENT);
    commands = null;
  }

  @Test
  void whatPicksCantTellOfThePromptIsRefused() throws Exception {
    for (String field : List.of("echo_prompt", "prompt_tokens")) {
      GenerateRequest.Builder request = chat(2, "hello");
      request
          .getOutputBuilder()
          .setField(OutputOptions.getDescriptor().findFieldByName(field), true);
      open(request, true);

      Object refused = next();
      assertThat(refused).isInstanceOf(StatusRuntimeException.class);
      Status status = ((StatusRuntimeException) refused).getStatus();
      assertThat(status.getCode()).isEqualTo(Code.INVALID_ARGUMENT);
      assertThat(status.getDescription()).startsWith("open.request.output." + field);
    }
    commands = null;
  }

  @Test
  void tokensAsHistoryAreGoneOnFromButTakeNoTurns() throws Exception {
    GenerateRequest.Builder request = GenerateRequest.newBuilder().setText("It is");
    request.getStopBuilder().setMaxTokens(2);
    open(request, false);
    assertThat(ids(turn())).hasSize(2);

    say("more");

    assertThat(failure()).isEqualTo(Code.INVALID_ARGUMENT);
    commands = null;
  }

  @Test
  void tooManyCommandsAtOnceAreRefused() throws Exception {
    open(chat(2, "hello"), true); // whose answer waits for a pick

    for (int i = 0; i < 100; i++) {
      say("more");
    }

    Object next = next();
    while (next instanceof ConverseResponse) {
      next = next();
    }
    assertThat(((StatusRuntimeException) next).getStatus().getCode())
        .isEqualTo(Code.RESOURCE_EXHAUSTED);
    commands = null;
  }
}
