package dev.millrace.request;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.Duration;
import com.google.protobuf.UnknownFieldSet;
import dev.millrace.model.Metadata;
import dev.millrace.model.ModelFormatException;
import dev.millrace.request.InvalidRequestException.Kind;
import dev.millrace.sampling.Penalties;
import dev.millrace.sampling.SamplingSettings;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.LogprobsKind;
import dev.millrace.v1.SamplingParameters;
import dev.millrace.v1.StopCriteria;
import dev.millrace.v1.TokenIds;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class RequestReaderTest {
  @Test
  void defaultsAreFilledInAndTold() {
    AcceptedRequest accepted = RequestFixtures.read(RequestFixtures.hello());

    SamplingParameters sampling = accepted.started().getEffectiveSampling();
    assertThat(sampling)
        .isEqualTo(
            SamplingParameters.newBuilder()
                .setTemperature(0)
                .setTopK(0)
                .setTopP(1)
                .setMinP(0)
                .setRepetitionPenalty(1)
                .setFrequencyPenalty(0)
                .setPresencePenalty(0)
                .setPenaltyWindow(0)
                .setSeed(42)
                .build());
    assertThat(accepted.started().getEffectiveStop())
        .isEqualTo(StopCriteria.newBuilder().setMaxTokens(58).setMinTokens(0).build());
    assertThat(accepted.started().getSeed()).isEqualTo(42);
    assertThat(accepted.started().getPromptTokenCount()).isEqualTo(6);
    assertThat(accepted.generation().sampling().seed()).isEqualTo(42);
  }

  @Test
  void aRequestIdIsMadeWhereThereIsNone() {
    AcceptedRequest accepted = RequestFixtures.read(RequestFixtures.hello());

    assertThat(accepted.generation().requestId()).isEqualTo("000000000000002b");
    assertThat(accepted.started().getRequestId()).isEqualTo("000000000000002b");
  }

  @Test
  void maxTokensIsWhatContextAndPoolLeaveWhenUnset() {
    // The pool holds 64 positions, the context 100; the prompt takes 6.
    assertThat(RequestFixtures.read(RequestFixtures.hello()).generation().stop().maxTokens())
        .isEqualTo(58);
  }

  @Test
  void theDeadlineIsPassedOn() {
    AcceptedRequest accepted =
        RequestFixtures.reader()
            .read(RequestFixtures.hello(), RequestFixtures.MODEL, Optional.of(123L));

    assertThat(accepted.generation().deadlineNanos()).contains(123L);
  }

  @Test
  void aModelsOwnDefaultsTakeTheContractsPlace() {
    ModelProfile model = withDefaults(Map.of("general.sampling.temp", 0.75));

    AcceptedRequest accepted =
        RequestFixtures.reader().read(RequestFixtures.hello(), model, Optional.empty());

    assertThat(accepted.generation().sampling().temperature()).isEqualTo(0.75f);
    assertThat(accepted.started().getEffectiveSampling().getTemperature()).isEqualTo(0.75f);
  }

  @Test
  void allOfAModelsOwnDefaultsAreInForceAndToldUnlessTheCallerSaysOtherwise() {
    ModelProfile model =
        withDefaults(
            Map.of(
                "general.sampling.temp", 0.6,
                "general.sampling.top_k", 20L,
                "general.sampling.top_p", 0.95,
                "general.sampling.min_p", 0.25,
                "general.sampling.penalty_repeat", 1.5,
                "general.sampling.penalty_last_n", 64L));
    GenerateRequest.Builder asked = RequestFixtures.hello().toBuilder();
    asked.getSamplingBuilder().setTopK(0).setSeed(3).putLogitBias(1, 0.5f);

    AcceptedRequest accepted =
        RequestFixtures.reader().read(asked.build(), model, Optional.empty());

    assertThat(accepted.generation().sampling())
        .isEqualTo(
            new SamplingSettings(
                0.6f, 0, 0.95f, 0.25f, new Penalties(1.5f, 0, 0, 64), Map.of(1, 0.5f), 3));
    assertThat(accepted.started().getEffectiveSampling())
        .isEqualTo(
            SamplingParameters.newBuilder()
                .setTemperature(0.6f)
                .setTopK(0)
                .setTopP(0.95f)
                .setMinP(0.25f)
                .setRepetitionPenalty(1.5f)
                .setFrequencyPenalty(0)
                .setPresencePenalty(0)
                .setPenaltyWindow(64)
                .putLogitBias(1, 0.5f)
                .setSeed(3)
                .build());
  }

  @Test
  void whatLlamaCppReadsAsOffIsOff() {
    SamplingDefaults defaults =
        withDefaults(
                Map.of(
                    "general.sampling.temp",
                    -1.0,
                    "general.sampling.top_k",
                    -1L,
                    "general.sampling.penalty_repeat",
                    1.5,
                    "general.sampling.penalty_last_n",
                    0L))
            .defaults();

    assertThat(defaults).isEqualTo(SamplingDefaults.OF_CONTRACT);
    assertThat(
            withDefaults(
                    Map.of(
                        "general.sampling.penalty_repeat",
                        1.5,
                        "general.sampling.penalty_last_n",
                        -1L))
                .defaults())
        .isEqualTo(new SamplingDefaults(0, 0, 1, 0, 1.5f, 0));
  }

  @Test
  void aModelWhoseDefaultNoRequestCouldHaveIsRefusedWhenItIsLoaded() {
    assertThatThrownBy(() -> withDefaults(Map.of("general.sampling.top_p", 1.5)))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("general.sampling.top_p: 1.5; allowed is above 0, to 1");
  }

  static Stream<Arguments> outOfRange() {
    return Stream.of(
        wrong("prompt", "missing", b -> b.clearPrompt()),
        wrong("text", "no token", b -> b.setText("").setAddSpecialTokens(false)),
        wrong("token_ids", "no token", b -> b.setTokenIds(TokenIds.getDefaultInstance())),
        wrong(
            "token_ids.ids[1]",
            "258; the vocabulary's ids are 0 to 257",
            b -> b.setTokenIds(TokenIds.newBuilder().addIds(0).addIds(258))),
        wrong(
            "token_ids.ids[0]", "4294967295", b -> b.setTokenIds(TokenIds.newBuilder().addIds(-1))),
        wrong(
            "add_special_tokens",
            "text prompt",
            b -> b.setTokenIds(idsOf(1)).setAddSpecialTokens(true)),
        wrong(
            "parse_special_tokens",
            "text prompt",
            b -> b.setTokenIds(idsOf(1)).setParseSpecialTokens(true)),
        sampling("temperature", "0 (greedy)", s -> s.setTemperature(-1)),
        sampling("temperature", "NaN", s -> s.setTemperature(Float.NaN)),
        sampling("temperature", "100", s -> s.setTemperature(100.5f)),
        sampling("top_p", "above 0, to 1", s -> s.setTopP(0)),
        sampling("top_p", "above 0, to 1", s -> s.setTopP(1.5f)),
        sampling("min_p", "0 to below 1", s -> s.setMinP(1)),
        sampling("repetition_penalty", "above 0", s -> s.setRepetitionPenalty(0)),
        sampling("frequency_penalty", "-2 to 2", s -> s.setFrequencyPenalty(2.5f)),
        sampling("presence_penalty", "-2 to 2", s -> s.setPresencePenalty(Float.NaN)),
        sampling(
            "repetition_penalty", "Infinity", s -> s.setRepetitionPenalty(Float.POSITIVE_INFINITY)),
        sampling("logit_bias[258]", "0 to 257", s -> s.putLogitBias(258, 1)),
        sampling("logit_bias[4294967295]", "0 to 257", s -> s.putLogitBias(-1, 1)),
        sampling("logit_bias[7]", "NaN", s -> s.putLogitBias(7, Float.NaN)),
        sampling("logit_bias[7]", "Infinity", s -> s.putLogitBias(7, Float.POSITIVE_INFINITY)),
        sampling(
            "logit_bias",
            "1025 entries",
            s -> IntStream.range(0, 1_025).forEach(id -> s.putLogitBias(id, 1))),
        stop("max_tokens", "59; allowed is 0 to 58", s -> s.setMaxTokens(59)),
        stop("max_tokens", "4294967295; allowed is 0 to 58", s -> s.setMaxTokens(-1)),
        stop("min_tokens", "4; allowed is 0 to 3", s -> s.setMaxTokens(3).setMinTokens(4)),
        stop("sequences", "65 texts", s -> s.addAllSequences(Collections.nCopies(65, "x"))),
        stop("sequences[1]", "0 bytes", s -> s.addSequences("a").addSequences("")),
        stop("sequences[0]", "257 bytes", s -> s.addSequences("x".repeat(257))),
        stop("token_ids", "257 ids", s -> s.addAllTokenIds(Collections.nCopies(257, 1))),
        stop("token_ids[0]", "999", s -> s.addTokenIds(999)),
        stop("time_limit", "above 0", s -> s.setTimeLimit(Duration.getDefaultInstance())),
        stop("time_limit", "above 0", s -> s.setTimeLimit(Duration.newBuilder().setSeconds(-1))),
        stop("time_limit", "24 hours", s -> s.setTimeLimit(seconds(86_401))),
        stop("time_limit", "24 hours", s -> s.setTimeLimit(seconds(Long.MAX_VALUE))),
        stop("time_limit", "24 hours", s -> s.setTimeLimit(seconds(1).toBuilder().setNanos(-1))),
        wrong("max_queue_time", "above 0", b -> b.setMaxQueueTime(seconds(0))),
        wrong(
            "output.top_candidates",
            "21; allowed is 0 to 20",
            b -> b.getOutputBuilder().setTokens(true).setTopCandidates(21)),
        wrong(
            "output.top_candidates",
            "needs output.tokens",
            b -> b.getOutputBuilder().setTopCandidates(2)),
        wrong(
            "output.logprobs", "needs output.tokens", b -> b.getOutputBuilder().setLogprobs(true)),
        wrong(
            "output.logprobs_kind",
            "needs output.logprobs",
            b ->
                b.getOutputBuilder()
                    .setTokens(true)
                    .setLogprobsKind(LogprobsKind.LOGPROBS_KIND_RAW)),
        wrong(
            "output.logprobs_kind",
            "no such value",
            b -> b.getOutputBuilder().setTokens(true).setLogprobs(true).setLogprobsKindValue(9)),
        wrong(
            "output.tokens_per_event",
            "0; allowed is 1 to 1024",
            b -> b.getOutputBuilder().setTokensPerEvent(0)),
        wrong("candidate_count", "0; allowed is 1 to 16", b -> b.setCandidateCount(0)),
        wrong("candidate_count", "17; allowed is 1 to 16", b -> b.setCandidateCount(17)),
        wrong("priority", "7; the contract has no such value", b -> b.setPriorityValue(7)),
        wrong("request_id", "128", b -> b.setRequestId("x".repeat(129))),
        wrong("request_id", "printable", b -> b.setRequestId("two\nlines")),
        wrong("cache_salt", "257 bytes", b -> b.setCacheSalt("x".repeat(257))));
  }

  static Stream<Arguments> tooLong() {
    return Stream.of(
        wrong("text", "64 tokens", b -> b.setText("x".repeat(63))),
        wrong("text", "1000000 bytes", b -> b.setText("x".repeat(1_000_000))),
        wrong("token_ids", "64 tokens", b -> b.setTokenIds(idsOf(64))));
  }

  @ParameterizedTest
  @MethodSource("tooLong")
  void aPromptWithoutRoomForATokenBehindItNeverFits(
      String field, String says, Consumer<GenerateRequest.Builder> change) {
    InvalidRequestException refused = refusal(change);

    assertThat(refused.kind()).isEqualTo(Kind.NEVER_FITS);
    assertThat(refused.field()).isEqualTo(field);
    assertThat(refused).hasMessageContaining(says).hasMessageContaining("can never fit");
  }

  @ParameterizedTest
  @MethodSource("outOfRange")
  void whatIsOutOfRangeIsRefusedByItsNameWithWhatIsAllowed(
      String field, String says, Consumer<GenerateRequest.Builder> change) {
    InvalidRequestException refused = refusal(change);

    assertThat(refused.kind()).isEqualTo(Kind.INVALID_ARGUMENT);
    assertThat(refused.field()).isEqualTo(field);
    assertThat(refused).hasMessageContaining(says);
  }

  private static InvalidRequestException refusal(Consumer<GenerateRequest.Builder> change) {
    GenerateRequest.Builder request = RequestFixtures.hello().toBuilder();
    change.accept(request);
    return catchThrowableOfType(
        InvalidRequestException.class, () -> RequestFixtures.read(request.build()));
  }

  @Test
  void fieldsOfANewerContractAreRefused() {
    UnknownFieldSet unknown =
        UnknownFieldSet.newBuilder()
            .addField(99, UnknownFieldSet.Field.newBuilder().addVarint(1).build())
            .build();
    GenerateRequest atTop = RequestFixtures.hello().toBuilder().setUnknownFields(unknown).build();
    GenerateRequest.Builder nested = RequestFixtures.hello().toBuilder();
    nested.getStopBuilder().setUnknownFields(unknown);

    InvalidRequestException first =
        catchThrowableOfType(InvalidRequestException.class, () -> RequestFixtures.read(atTop));
    InvalidRequestException second =
        catchThrowableOfType(
            InvalidRequestException.class, () -> RequestFixtures.read(nested.build()));

    assertThat(first.kind()).isEqualTo(Kind.UNIMPLEMENTED);
    assertThat(first).hasMessageContaining("number 99 of millrace.v1.GenerateRequest");
    assertThat(second.field()).isEqualTo("stop");
  }

  private static ModelProfile withDefaults(Map<String, Object> metadata) {
    ModelProfile model = RequestFixtures.MODEL;
    return ModelProfile.of(
        model.name(),
        model.fingerprint(),
        model.tokenizer(),
        model.contextLength(),
        model.poolTokens(),
        SamplingDefaults.from(new Metadata(metadata)),
        model.numerics());
  }

  private static Arguments wrong(
      String field, String says, Consumer<GenerateRequest.Builder> change) {
    return Arguments.of(field, says, change);
  }

  private static Arguments sampling(
      String field, String says, Consumer<SamplingParameters.Builder> change) {
    return wrong("sampling." + field, says, b -> change.accept(b.getSamplingBuilder()));
  }

  private static Arguments stop(String field, String says, Consumer<StopCriteria.Builder> change) {
    return wrong("stop." + field, says, b -> change.accept(b.getStopBuilder()));
  }

  private static TokenIds idsOf(int count) {
    return TokenIds.newBuilder().addAllIds(Collections.nCopies(count, 1)).build();
  }

  private static Duration seconds(long seconds) {
    return Duration.newBuilder().setSeconds(seconds).build();
  }
}
