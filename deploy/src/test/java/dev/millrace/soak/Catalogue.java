package dev.millrace.soak;

import dev.millrace.v1.ChatMessage;
import dev.millrace.v1.ChatPrompt;
import dev.millrace.v1.ConverseRequest;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.OutputOptions;
import dev.millrace.v1.ResponseFormat;
import dev.millrace.v1.SamplingParameters;
import dev.millrace.v1.StopCriteria;
import dev.millrace.v1.TokenIds;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * What is asked for, drawn from one seed: requests whose answers are always the same, as long as
 * they may run to their end; conversations; and requests that must be refused.
 */
final class Catalogue {
  private static final int REQUESTS = 160;
  private static final int CONVERSATIONS = 24;
  private static final int BYTES = 256; // the first token ids of synthetic models
  private static final String COMMON =
      "A millrace is the channel that leads many streams onto one wheel, and away from it. "
          .repeat(3);

  /** Commands whose answers come one after another. */
  record Script(List<ConverseRequest> commands) {}

  private final List<GenerateRequest> requests;
  private final List<Script> conversations;

  Catalogue(RandomGenerator random) {
    requests = Stream.generate(() -> request(random)).limit(REQUESTS).toList();
    conversations = Stream.generate(() -> conversation(random)).limit(CONVERSATIONS).toList();
  }

  List<GenerateRequest> requests() {
    return requests;
  }

  List<Script> conversations() {
    return conversations;
  }

  private static GenerateRequest request(RandomGenerator random) {
    GenerateRequest.Builder request = GenerateRequest.newBuilder();
    switch (random.nextInt(4)) {
      case 0 -> request.setText(COMMON + words(random, 20));
      case 1 -> request.setText(words(random, 80));
      case 2 ->
          request.setTokenIds(
              TokenIds.newBuilder()
                  .addAllIds(random.ints(1 + random.nextInt(300), 0, BYTES).boxed().toList()));
      default -> request.setChat(ChatPrompt.newBuilder().addMessages(said(random)));
    }
    request
        .setSampling(sampling(random))
        .setStop(stop(random))
        .setOutput(output(random))
        .setCandidateCount(random.nextInt(6) == 0 ? 2 + random.nextInt(3) : 1);
    if (random.nextInt(6) == 0) {
      request.setResponseFormat(format(random));
    }
    return request.build();
  }

  private static SamplingParameters.Builder sampling(RandomGenerator random) {
    SamplingParameters.Builder sampling = SamplingParameters.newBuilder().setSeed(random.nextInt());
    if (random.nextInt(3) > 0) {
      sampling.setTemperature(0.5f + random.nextFloat());
      switch (random.nextInt(4)) {
        case 0 -> sampling.setTopK(5 + random.nextInt(40));
        case 1 -> sampling.setTopP(0.5f + random.nextFloat() / 2);
        case 2 -> sampling.setMinP(random.nextFloat() / 10);
        default -> {}
      }
    }
    if (random.nextInt(4) == 0) {
      sampling.setRepetitionPenalty(1.1f).setFrequencyPenalty(0.2f).setPenaltyWindow(64);
    }
    if (random.nextInt(6) == 0) {
      sampling.putLogitBias(random.nextInt(BYTES), 3f);
    }
    return sampling;
  }

  private static StopCriteria.Builder stop(RandomGenerator random) {
    StopCriteria.Builder stop =
        StopCriteria.newBuilder()
            .setMaxTokens(random.nextInt(5) == 0 ? random.nextInt(4) : 1 + random.nextInt(250))
            .setIgnoreEos(random.nextBoolean());
    if (random.nextInt(4) == 0) {
      stop.addSequences(Character.toString(' ' + random.nextInt(95)))
          .addSequences("w3")
          .setIncludeStop(random.nextBoolean());
    }
    if (random.nextInt(6) == 0) {
      stop.addTokenIds(random.nextInt(BYTES));
    }
    return stop;
  }

  private static OutputOptions.Builder output(RandomGenerator random) {
    OutputOptions.Builder output = OutputOptions.newBuilder();
    if (random.nextInt(4) == 0) {
      output.setTokens(true).setLogprobs(true).setTopCandidates(random.nextInt(4));
    }
    if (random.nextInt(5) == 0) {
      output.setTokensPerEvent(1 + random.nextInt(12));
    }
    return output.setEchoPrompt(random.nextInt(10) == 0);
  }

  private static ResponseFormat format(RandomGenerator random) {
    ResponseFormat.Builder format = ResponseFormat.newBuilder();
    switch (random.nextInt(5)) {
      case 0 -> format.setRegex("[a-z]{3,40}( [a-z]{2,9}){1,5}");
      case 1 ->
          format.setJsonSchema(
              """
              {"type": "object", "required": ["name", "size"], "additionalProperties": false,
               "properties": {"name": {"type": "string", "maxLength": 20}, "size": {"type": "integer"}}}
              """);
      case 2 ->
          format.setChoice(
              ResponseFormat.Choice.newBuilder().addAllOptions(List.of("mill", "race", "wheel")));
      case 3 -> format.setGrammar("root ::= (\"yes\" | \"no\") (\", \" [0-9]+){1,9}");
      default -> format.setJsonObject(ResponseFormat.JsonObject.getDefaultInstance());
    }
    return format.build();
  }

  private static Script conversation(RandomGenerator random) {
    GenerateRequest opening =
        GenerateRequest.newBuilder()
            .setChat(ChatPrompt.newBuilder().addMessages(said(random)))
            .setSampling(sampling(random))
            .setStop(StopCriteria.newBuilder().setMaxTokens(10 + random.nextInt(60)))
            .build();
    ConverseRequest open =
        ConverseRequest.newBuilder()
            .setOpen(ConverseRequest.OpenConversation.newBuilder().setRequest(opening))
            .build();
    Stream<ConverseRequest> turns =
        IntStream.range(0, 1 + random.nextInt(3)).mapToObj(turn -> turn(random, turn));
    return new Script(Stream.concat(Stream.of(open), turns).toList());
  }

  private static ConverseRequest turn(RandomGenerator random, int turn) {
    return ConverseRequest.newBuilder()
        .setTurn(
            ConverseRequest.Turn.newBuilder()
                .addMessages(said(random))
                .setSampling(SamplingParameters.newBuilder().setSeed(turn)))
        .build();
  }

  private static ChatMessage said(RandomGenerator random) {
    return ChatMessage.newBuilder().setRole("user").setContent(words(random, 30)).build();
  }

  private static String words(RandomGenerator random, int most) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(most); i >= 0; i--) {
      random.ints(1 + random.nextInt(9), 'a', 'z' + 1).forEach(text::appendCodePoint);
      text.append(i % 7 == 0 ? "é " : " ");
    }
    return text.toString();
  }

  /** One that no server may take. */
  static GenerateRequest bad(RandomGenerator random) {
    GenerateRequest.Builder request = GenerateRequest.newBuilder().setText("It is easy");
    switch (random.nextInt(6)) {
      case 0 -> request.getSamplingBuilder().setTemperature(-1);
      case 1 -> request.setModel("no-such-model");
      case 2 -> request.setText("far too long ".repeat(500));
      case 3 -> request.getResponseFormatBuilder().setRegex("(");
      case 4 -> request.getResponseFormatBuilder().setJsonSchema("{\"type\": 7}");
      default -> request.clearPrompt();
    }
    return request.build();
  }
}
