package dev.millrace.request;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.Numerics;
import dev.millrace.request.InvalidRequestException.Kind;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerationStarted;
import dev.millrace.v1.Resume;
import dev.millrace.v1.TokenIds;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.OffsetDateTime;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ResumeTokenTest {
  private static final GenerateRequest ASKED = RequestFixtures.hello();

  @Test
  void whatTheFirstServerDecidedHoldsOnTheNext() {
    GenerationStarted first = RequestFixtures.read(ASKED).started();
    // Another replica: it draws other seeds and ids, and its pool leaves room for more.
    ModelProfile roomier = model("ab".repeat(32), 100);
    RequestReader other = new RequestReader(() -> 999, Clock.systemUTC());

    AcceptedRequest resumed =
        other.read(resuming(ASKED, first.getResumeToken()), roomier, Optional.empty());

    GenerationRequest generation = resumed.generation();
    assertThat(generation.sampling().seed()).isEqualTo(42);
    assertThat(generation.stop().maxTokens()).isEqualTo(58);
    assertThat(generation.requestId()).isEqualTo(first.getRequestId());
    assertThat(generation.resume().orElseThrow().tokens(0)).containsExactly(7, 8);
    assertThat(generation.resume().orElseThrow().afterSequenceNumber()).hasValue(3L);
    assertThat(resumed.started().getEffectiveSampling()).isEqualTo(first.getEffectiveSampling());
    assertThat(resumed.started().getEffectiveStop()).isEqualTo(first.getEffectiveStop());
  }

  @Test
  void aTemplateTellsTheDateOfTheFirstServer() {
    ModelProfile model = RequestFixtures.withTemplate("{{ strftime_now('%Y-%m-%d %H:%M') }}");
    GenerateRequest.Builder chat = GenerateRequest.newBuilder();
    chat.getChatBuilder().addMessagesBuilder().setRole("user").setContent("Hello");
    AcceptedRequest first =
        reader("2026-02-28T23:59:59.9+01:00").read(chat.build(), model, Optional.empty());

    AcceptedRequest resumed =
        reader("2026-03-01T12:00:00-08:00")
            .read(
                resuming(chat.build(), first.started().getResumeToken()), model, Optional.empty());

    int[] told = "2026-02-28 23:59".chars().toArray();
    assertThat(first.generation().prompt()).containsExactly(told);
    assertThat(resumed.generation().prompt()).containsExactly(told);
    assertThat(resumed.started().getResumeToken()).isEqualTo(first.started().getResumeToken());
  }

  private static RequestReader reader(String now) {
    OffsetDateTime time = OffsetDateTime.parse(now);
    return new RequestReader(() -> 1, Clock.fixed(time.toInstant(), time.getOffset()));
  }

  @ParameterizedTest
  @CsvSource({"5", "13"}) // the first bytes of the time, and of its offset
  void aForgedTimeThatCannotBeIsRefused(int at) throws Exception {
    byte[] token = RequestFixtures.read(ASKED).started().getResumeToken().toByteArray();
    token[at] = 0x7F;
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    digest.update(token, 0, 81);
    digest.update(token, 89, token.length - 89);
    System.arraycopy(digest.digest(), 0, token, 81, 8);

    InvalidRequestException refused = refusal(resuming(ASKED, ByteString.copyFrom(token)));

    assertThat(refused.field()).isEqualTo("resume.token");
    assertThat(refused).hasMessageStartingWith("is damaged: ");
  }

  @Test
  void aResumedStreamCanBeResumedAgainWithEitherToken() {
    ByteString token = RequestFixtures.read(ASKED).started().getResumeToken();

    GenerationStarted second = RequestFixtures.read(resuming(ASKED, token)).started();

    assertThat(second.getResumeToken()).isEqualTo(token);
  }

  @Test
  void anotherModelIsAFailedPrecondition() {
    ByteString token = RequestFixtures.read(ASKED).started().getResumeToken();

    InvalidRequestException refused =
        catchThrowableOfType(
            InvalidRequestException.class,
            () ->
                RequestFixtures.reader()
                    .read(resuming(ASKED, token), model("cd".repeat(32), 64), Optional.empty()));

    assertThat(refused.kind()).isEqualTo(Kind.FAILED_PRECONDITION);
    assertThat(refused.field()).isEqualTo("resume.token");
    assertThat(refused).hasMessageContaining("other weights");
  }

  @Test
  void otherNumericsAreAFailedPrecondition() {
    ResumeToken token = ResumeToken.parse(RequestFixtures.read(ASKED).started().getResumeToken());
    ByteString other =
        new ResumeToken(
                token.numerics() + 1,
                token.begun(),
                token.model(),
                token.request(),
                token.decided())
            .encode();

    InvalidRequestException refused = refusal(resuming(ASKED, other));

    assertThat(refused.kind()).isEqualTo(Kind.FAILED_PRECONDITION);
    assertThat(refused).hasMessageContaining("numerics");
  }

  @Test
  void otherActivationsAreOtherNumerics() {
    ResumeToken token = ResumeToken.parse(RequestFixtures.read(ASKED).started().getResumeToken());
    int int16 = Numerics.of(ActivationPrecision.INT16);
    ByteString other =
        new ResumeToken(int16, token.begun(), token.model(), token.request(), token.decided())
            .encode();

    assertThat(refusal(resuming(ASKED, other)))
        .hasMessageContaining("numerics " + Numerics.VERSION + " with int16 activations")
        .hasMessageContaining("this server has " + Numerics.VERSION + " with int8 activations");
  }

  @Test
  void aTokenOfAnUnknownVersionIsAFailedPrecondition() {
    byte[] token = RequestFixtures.read(ASKED).started().getResumeToken().toByteArray();
    token[0] = 3;

    assertThat(refusal(resuming(ASKED, ByteString.copyFrom(token))).kind())
        .isEqualTo(Kind.FAILED_PRECONDITION);
  }

  @ParameterizedTest
  @CsvSource({"text", "seed", "stop"})
  void anotherRequestIsRefused(String changed) {
    ByteString token = RequestFixtures.read(ASKED).started().getResumeToken();
    GenerateRequest.Builder request = resuming(ASKED, token).toBuilder();
    switch (changed) {
      case "text" -> request.setText("Jello");
      case "seed" -> request.getSamplingBuilder().setSeed(42);
      default -> request.getStopBuilder().addSequences("x");
    }

    InvalidRequestException refused = refusal(request.build());

    assertThat(refused.kind()).isEqualTo(Kind.INVALID_ARGUMENT);
    assertThat(refused.field()).isEqualTo("resume");
    assertThat(refused).hasMessageContaining("as in the first request");
  }

  @Test
  void damagedTokensAreInvalidWhateverTheDamage() {
    byte[] whole = RequestFixtures.read(ASKED).started().getResumeToken().toByteArray();
    Random random = new Random(1);
    for (int i = 0; i < 2_000; i++) {
      byte[] damaged = whole.clone();
      int at = 1 + random.nextInt(whole.length - 1); // 0 is the version: see above
      damaged[at] ^= (byte) (1 << random.nextInt(8));
      ByteString token =
          i % 2 == 0
              ? ByteString.copyFrom(damaged)
              : ByteString.copyFrom(whole, 0, random.nextInt(whole.length));

      InvalidRequestException refused = refusal(resuming(ASKED, token));

      assertThat(refused.kind()).isEqualTo(Kind.INVALID_ARGUMENT);
      assertThat(refused.field()).isEqualTo("resume.token");
    }
  }

  @Test
  void whatAForgedTokenSaysIsCheckedLikeAnyRequest() {
    ResumeToken token = ResumeToken.parse(RequestFixtures.read(ASKED).started().getResumeToken());
    GenerationStarted.Builder decided = token.decided().toBuilder();
    decided.getEffectiveStopBuilder().setMaxTokens(1_000_000);
    GenerationStarted.Builder named = token.decided().toBuilder().setRequestId("two\nlines");

    assertThat(refusal(forged(token, decided)).field()).isEqualTo("stop.max_tokens");
    assertThat(refusal(forged(token, named)).field()).isEqualTo("request_id");
  }

  @ParameterizedTest
  @CsvSource({"2, 1", "6, 1", "-1, 1", "1, 2", "5, 2"})
  void eventsThatCannotHaveArrivedWithTheTokensAreRefused(long after, int tokensPerEvent) {
    InvalidRequestException refused = refusal(twoTokensAndEvents(after, tokensPerEvent));

    assertThat(refused.kind()).isEqualTo(Kind.INVALID_ARGUMENT);
    assertThat(refused.field()).isEqualTo("resume.after_sequence_number");
  }

  @ParameterizedTest
  @CsvSource({"3, 1", "4, 1", "5, 1", "2, 2", "3, 2", "4, 2"})
  void eventsThatCanHaveArrivedWithTheTokensAreTaken(long after, int tokensPerEvent) {
    GenerationRequest resumed =
        RequestFixtures.read(twoTokensAndEvents(after, tokensPerEvent)).generation();

    assertThat(resumed.resume().orElseThrow().afterSequenceNumber()).hasValue(after);
  }

  @Test
  void moreTokensThanMaxTokensAreRefused() {
    GenerateRequest.Builder first = ASKED.toBuilder();
    first.getStopBuilder().setMaxTokens(1);
    ByteString token = RequestFixtures.read(first.build()).started().getResumeToken();

    InvalidRequestException refused = refusal(resuming(first.build(), token));

    assertThat(refused.field()).isEqualTo("resume.candidates[0].ids");
  }

  private static GenerateRequest resuming(GenerateRequest request, ByteString token) {
    return request.toBuilder()
        .setResume(
            Resume.newBuilder()
                .setToken(token)
                .addCandidates(TokenIds.newBuilder().addIds(7).addIds(8))
                .setAfterSequenceNumber(3))
        .build();
  }

  private static GenerateRequest twoTokensAndEvents(long after, int tokensPerEvent) {
    GenerateRequest.Builder first = ASKED.toBuilder();
    first.getOutputBuilder().setTokensPerEvent(tokensPerEvent);
    ByteString token = RequestFixtures.read(first.build()).started().getResumeToken();
    GenerateRequest.Builder request = resuming(first.build(), token).toBuilder();
    request.getResumeBuilder().setAfterSequenceNumber(after);
    return request.build();
  }

  private static GenerateRequest forged(ResumeToken token, GenerationStarted.Builder decided) {
    return resuming(
        ASKED,
        new ResumeToken(
                token.numerics(), token.begun(), token.model(), token.request(), decided.build())
            .encode());
  }

  private static InvalidRequestException refusal(GenerateRequest request) {
    InvalidRequestException refused =
        catchThrowableOfType(InvalidRequestException.class, () -> RequestFixtures.read(request));
    assertThat(refused).isNotNull();
    return refused;
  }

  private static ModelProfile model(String fingerprint, int poolTokens) {
    return ModelProfile.of(
        "tiny",
        fingerprint,
        new ByteTokenizer(),
        100,
        poolTokens,
        SamplingDefaults.OF_CONTRACT,
        Numerics.of(ActivationPrecision.INT8));
  }
}
