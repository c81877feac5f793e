package dev.millrace.request;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Duration;
import com.google.protobuf.Message;
import dev.millrace.request.GenerationRequest.ResumePoint;
import dev.millrace.request.InvalidRequestException.Kind;
import dev.millrace.sampling.Penalties;
import dev.millrace.v1.ChatMessage;
import dev.millrace.v1.ChatPrompt;
import dev.millrace.v1.ContentPart;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerationStarted;
import dev.millrace.v1.LogprobsKind;
import dev.millrace.v1.Priority;
import dev.millrace.v1.ResponseFormat;
import dev.millrace.v1.TokenIds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Walks every field of the contract's GenerateRequest, nested ones too: each is either in the table
 * of those that have an effect, with the effect, or is refused by its name. A field that the
 * contract gets tomorrow is in neither, and fails here.
 */
class ContractFieldsTest {
  /** A request that sets the field, and what must come of it. */
  private record Effect(
      Consumer<GenerateRequest.Builder> set,
      Function<AcceptedRequest, Object> effect,
      Object expected) {}

  private static final Map<String, Effect> SUPPORTED = new TreeMap<>();

  static {
    supported("text", b -> b.setText("A"), a -> ids(a.generation().prompt()), List.of(256, 65));
    supported(
        "token_ids.ids",
        b -> b.setTokenIds(TokenIds.newBuilder().addIds(3).addIds(4)),
        a -> ids(a.generation().prompt()),
        List.of(3, 4));
    supported(
        "add_special_tokens",
        b -> b.setText("A").setAddSpecialTokens(false),
        a -> ids(a.generation().prompt()),
        List.of(65));
    supported(
        "parse_special_tokens",
        b -> b.setText("A<eos>").setParseSpecialTokens(true),
        a -> ids(a.generation().prompt()),
        List.of(256, 65, 257));

    chat("messages.role", c -> c.getMessagesBuilder(0).setRole("r"), "rNoneTrue");
    chat("messages.content", c -> c.getMessagesBuilder(0).setContent("c"), "ucNoneTrue");
    chat("messages.name", c -> c.getMessagesBuilder(0).setName("n"), "unNoneTrue");
    chat("messages.tool_call_id", c -> c.getMessagesBuilder(0).setToolCallId("i"), "uiNoneTrue");
    chat(
        "messages.tool_calls_json",
        c -> c.getMessagesBuilder(0).addToolCallsJson("{\"a\":1}"),
        "u[{'a': 1}]NoneTrue");
    chat(
        "messages.parts.text",
        c ->
            c.getMessagesBuilder(0)
                .addParts(ContentPart.newBuilder().setText("p"))
                .addParts(ContentPart.newBuilder().setText("q")),
        "up\nqNoneTrue");
    chat("tools_json", c -> c.addToolsJson("{}"), "u[{}]True");
    chat("add_generation_prompt", c -> c.setAddGenerationPrompt(false), "uNoneFalse");
    chat("template_arguments_json", c -> c.setTemplateArgumentsJson("{\"x\":5}"), "uNoneTrue5");

    supported(
        "sampling.temperature",
        b -> b.getSamplingBuilder().setTemperature(0.5f),
        a -> a.generation().sampling().temperature(),
        0.5f);
    supported(
        "sampling.seed",
        b -> b.getSamplingBuilder().setSeed(-7),
        a -> List.of(a.generation().sampling().seed(), a.started().getSeed()),
        List.of(-7L, -7L));
    supported(
        "sampling.top_k",
        b -> b.getSamplingBuilder().setTopK(40),
        a -> a.generation().sampling().topK(),
        40);
    supported(
        "sampling.top_p",
        b -> b.getSamplingBuilder().setTopP(0.5f),
        a -> a.generation().sampling().topP(),
        0.5f);
    supported(
        "sampling.min_p",
        b -> b.getSamplingBuilder().setMinP(0.25f),
        a -> a.generation().sampling().minP(),
        0.25f);
    supported(
        "sampling.repetition_penalty",
        b -> b.getSamplingBuilder().setRepetitionPenalty(1.5f),
        a -> a.generation().sampling().penalties(),
        new Penalties(1.5f, 0, 0, 0));
    supported(
        "sampling.frequency_penalty",
        b -> b.getSamplingBuilder().setFrequencyPenalty(0.5f),
        a -> a.generation().sampling().penalties(),
        new Penalties(1, 0.5f, 0, 0));
    supported(
        "sampling.presence_penalty",
        b -> b.getSamplingBuilder().setPresencePenalty(-2),
        a -> a.generation().sampling().penalties(),
        new Penalties(1, 0, -2, 0));
    supported(
        "sampling.penalty_window",
        b -> b.getSamplingBuilder().setPenaltyWindow(-1),
        a -> a.generation().sampling().penalties(),
        new Penalties(1, 0, 0, Integer.MAX_VALUE));
    supported(
        "sampling.logit_bias",
        b ->
            b.getSamplingBuilder().putLogitBias(3, Float.NEGATIVE_INFINITY).putLogitBias(257, 0.5f),
        a -> a.generation().sampling().logitBias(),
        Map.of(3, Float.NEGATIVE_INFINITY, 257, 0.5f));

    supported(
        "stop.max_tokens",
        b -> b.getStopBuilder().setMaxTokens(5),
        a -> a.generation().stop().maxTokens(),
        5);
    supported(
        "stop.min_tokens",
        b -> b.getStopBuilder().setMinTokens(4),
        a -> a.generation().stop().minTokens(),
        4);
    supported(
        "stop.sequences",
        b -> b.getStopBuilder().addSequences("x").addSequences("yz"),
        a -> a.generation().stop().texts(),
        List.of("x", "yz"));
    supported(
        "stop.token_ids",
        b -> b.getStopBuilder().addTokenIds(17),
        a -> ids(a.generation().stop().tokenIds()),
        List.of(17));
    supported(
        "stop.include_stop",
        b -> b.getStopBuilder().setIncludeStop(true),
        a -> a.generation().stop().includeStop(),
        true);
    supported(
        "stop.ignore_eos",
        b -> b.getStopBuilder().setIgnoreEos(true),
        a -> a.generation().stop().ignoreEos(),
        true);
    supported(
        "stop.time_limit.seconds",
        b -> b.getStopBuilder().setTimeLimit(Duration.newBuilder().setSeconds(2)),
        a -> a.generation().stop().timeLimit(),
        Optional.of(java.time.Duration.ofSeconds(2)));
    supported(
        "stop.time_limit.nanos",
        b -> b.getStopBuilder().setTimeLimit(Duration.newBuilder().setNanos(3)),
        a -> a.generation().stop().timeLimit(),
        Optional.of(java.time.Duration.ofNanos(3)));

    format("json_schema", f -> f.setJsonSchema("{}"));
    format("regex", f -> f.setRegex("a+"));
    format("choice.options", f -> f.getChoiceBuilder().addOptions("yes"));
    format("grammar", f -> f.setGrammar("root ::= [a-z]"));
    format("json_object", ResponseFormat.Builder::getJsonObjectBuilder);

    supported(
        "output.tokens",
        b -> b.getOutputBuilder().setTokens(true),
        a -> a.generation().output().tokens(),
        true);
    supported(
        "output.prompt_tokens",
        b -> b.getOutputBuilder().setPromptTokens(true),
        a -> a.generation().output().promptTokens(),
        true);
    supported(
        "output.logprobs",
        b -> b.getOutputBuilder().setTokens(true).setLogprobs(true),
        a -> a.generation().output().logprobs(),
        true);
    supported(
        "output.logprobs_kind",
        b ->
            b.getOutputBuilder()
                .setTokens(true)
                .setLogprobs(true)
                .setLogprobsKind(LogprobsKind.LOGPROBS_KIND_PROCESSED),
        a -> a.generation().output().processedLogprobs(),
        true);
    supported(
        "output.top_candidates",
        b -> b.getOutputBuilder().setTokens(true).setTopCandidates(20),
        a -> a.generation().output().topCandidates(),
        20);
    supported(
        "output.echo_prompt",
        b -> b.getOutputBuilder().setEchoPrompt(true),
        a -> a.generation().output().echoPrompt(),
        true);
    supported(
        "output.tokens_per_event",
        b -> b.getOutputBuilder().setTokensPerEvent(8),
        a -> a.generation().output().tokensPerEvent(),
        8);

    supported(
        "request_id",
        b -> b.setRequestId("mine"),
        a -> List.of(a.generation().requestId(), a.started().getRequestId()),
        List.of("mine", "mine"));
    supported(
        "max_queue_time.seconds",
        b -> b.setMaxQueueTime(Duration.newBuilder().setSeconds(2)),
        a -> a.generation().maxQueueTime(),
        Optional.of(java.time.Duration.ofSeconds(2)));
    supported(
        "max_queue_time.nanos",
        b -> b.setMaxQueueTime(Duration.newBuilder().setNanos(2)),
        a -> a.generation().maxQueueTime(),
        Optional.of(java.time.Duration.ofNanos(2)));
    supported(
        "candidate_count", b -> b.setCandidateCount(3), a -> a.generation().candidateCount(), 3);
    supported(
        "priority",
        b -> b.setPriority(Priority.PRIORITY_BATCH),
        a -> a.generation().scheduling().priority(),
        GenerationRequest.Priority.BATCH);
    supported(
        "cache_salt",
        b -> b.setCacheSalt("salt"),
        a -> a.generation().scheduling().cacheSalt(),
        "salt");
    supported(
        "resume.token",
        b -> b.getResumeBuilder().setToken(tokenOfHello()),
        a -> a.generation().resume().isPresent(),
        true);
    supported(
        "resume.candidates.ids",
        b ->
            b.getResumeBuilder()
                .setToken(tokenOfHello())
                .addCandidates(TokenIds.newBuilder().addIds(12))
                .setAfterSequenceNumber(2),
        a -> a.generation().resume().map(point -> ids(point.tokens(0))),
        Optional.of(List.of(12)));
    supported(
        "resume.after_sequence_number",
        b -> b.getResumeBuilder().setToken(tokenOfHello()).setAfterSequenceNumber(1),
        a -> a.generation().resume().flatMap(ResumePoint::afterSequenceNumber),
        Optional.of(1L));
  }

  private static void chat(String field, Consumer<ChatPrompt.Builder> set, String rendered) {
    supported(
        "chat." + field,
        b -> set.accept(b.getChatBuilder().addMessages(ChatMessage.newBuilder().setRole("u"))),
        a -> new ByteTokenizer().decode(a.generation().prompt(), false),
        rendered);
  }

  /**
   * Which model is asked for is looked up before the request is read (ServedModels). Nothing is
   * shared between requests yet, so every salt holds.
   */
  private static final List<String> ELSEWHERE = List.of("model");

  private static void format(String field, Consumer<ResponseFormat.Builder> set) {
    supported(
        "response_format." + field,
        b -> set.accept(b.getResponseFormatBuilder()),
        a -> a.generation().format().isPresent(),
        true);
  }

  @TestFactory
  Stream<DynamicTest> everyFieldHasItsEffectOrIsRefusedByName() {
    return leaves().stream()
        .filter(path -> !ELSEWHERE.contains(path))
        .map(
            path -> {
              Effect effect = SUPPORTED.get(path);
              return DynamicTest.dynamicTest(path, () -> assertEffectOrRefusal(path, effect));
            });
  }

  private static void assertEffectOrRefusal(String path, Effect effect) {
    if (effect != null) {
      GenerateRequest.Builder request = RequestFixtures.hello().toBuilder();
      AcceptedRequest without = RequestFixtures.read(request.build());
      effect.set.accept(request);
      AcceptedRequest with = RequestFixtures.read(request.build());

      assertThat(effect.effect.apply(with)).isEqualTo(effect.expected);
      assertThat(effect.effect.apply(without)).isNotEqualTo(effect.expected);
      return;
    }
    InvalidRequestException refused =
        catchThrowableOfType(
            InvalidRequestException.class, () -> RequestFixtures.read(withArbitraryValue(path)));
    assertThat(refused).as("neither has an effect nor is refused").isNotNull();
    assertThat(refused.kind()).isEqualTo(Kind.UNIMPLEMENTED);
    assertThat(path + ".").startsWith(refused.field() + ".");
    assertThat(refused).hasMessageContaining("not done yet");
  }

  @Test
  void theTablesNameOnlyFieldsOfTheContract() {
    assertThat(leaves()).containsAll(SUPPORTED.keySet()).containsAll(ELSEWHERE);
  }

  @Test
  void aRefusedFieldIsAcceptedAtTheValueThatTurnsItOff() {
    GenerateRequest.Builder request = RequestFixtures.hello().toBuilder();
    request
        .setCandidateCount(1)
        .getSamplingBuilder()
        .setTopK(0)
        .setTopP(1)
        .setMinP(0)
        .setRepetitionPenalty(1)
        .setFrequencyPenalty(0)
        .setPresencePenalty(-0f)
        .setPenaltyWindow(0);

    assertThat(RequestFixtures.read(request.build()).generation().prompt()).hasSize(6);
  }

  /** The paths of all fields that aren't messages, through repeated and nested ones. */
  private static Set<String> leaves() {
    Set<String> paths = new TreeSet<>();
    addLeaves("", GenerateRequest.getDescriptor(), paths);
    return paths;
  }

  private static void addLeaves(String prefix, Descriptor type, Set<String> paths) {
    for (FieldDescriptor field : type.getFields()) {
      String path = prefix + field.getName();
      boolean nested = field.getJavaType() == FieldDescriptor.JavaType.MESSAGE;
      if (nested && !field.isMapField() && !field.getMessageType().getFields().isEmpty()) {
        addLeaves(path + ".", field.getMessageType(), paths);
      } else {
        paths.add(path);
      }
    }
  }

  /** The simplest request, with some value other than the default at the path. */
  private static GenerateRequest withArbitraryValue(String path) {
    GenerateRequest.Builder request = RequestFixtures.hello().toBuilder();
    set(request, new ArrayList<>(Arrays.asList(path.split("\\."))));
    return request.build();
  }

  private static void set(Message.Builder builder, List<String> path) {
    FieldDescriptor field = builder.getDescriptorForType().findFieldByName(path.removeFirst());
    Object value;
    if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
      Message.Builder nested = builder.newBuilderForField(field);
      if (field.isMapField()) {
        nested.setField(field.getMessageType().findFieldByName("key"), 1);
        nested.setField(field.getMessageType().findFieldByName("value"), 1f);
      } else if (!path.isEmpty()) {
        set(nested, path);
      }
      value = nested.build();
    } else {
      value = arbitrary(field);
    }
    if (field.isRepeated()) {
      builder.addRepeatedField(field, value);
    } else {
      builder.setField(field, value);
    }
  }

  private static Object arbitrary(FieldDescriptor field) {
    return switch (field.getJavaType()) {
      case INT -> 3;
      case LONG -> 3L;
      case FLOAT -> 0.5f;
      case DOUBLE -> 0.5;
      case BOOLEAN -> true;
      case STRING -> "x";
      case BYTE_STRING -> ByteString.copyFromUtf8("x");
      case ENUM -> field.getEnumType().findValueByNumber(1);
      case MESSAGE -> throw new AssertionError("handled by the caller");
    };
  }

  private static ByteString tokenOfHello() {
    GenerationStarted started = RequestFixtures.read(RequestFixtures.hello()).started();
    return started.getResumeToken();
  }

  private static List<Integer> ids(int[] array) {
    return Arrays.stream(array).boxed().toList();
  }

  private static void supported(
      String path,
      Consumer<GenerateRequest.Builder> set,
      Function<AcceptedRequest, Object> effect,
      Object expected) {
    SUPPORTED.put(path, new Effect(set, effect, expected));
  }
}
