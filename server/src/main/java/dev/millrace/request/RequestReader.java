package dev.millrace.request;

import static dev.millrace.request.InvalidRequestException.invalid;
import static dev.millrace.request.InvalidRequestException.unimplemented;

import dev.millrace.grammar.machine.CompiledFormat;
import dev.millrace.request.GenerationRequest.OutputSettings;
import dev.millrace.request.GenerationRequest.ResumePoint;
import dev.millrace.request.GenerationRequest.SchedulingSettings;
import dev.millrace.request.GenerationRequest.StopSettings;
import dev.millrace.sampling.SamplingSettings;
import dev.millrace.v1.GenerateOnceRequest;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerationStarted;
import dev.millrace.v1.SamplingParameters;
import dev.millrace.v1.StopCriteria;
import java.time.Clock;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * From a GenerateRequest to a {@link GenerationRequest}: checks every field of the contract, fills
 * in every default, tokenizes. A field either has its effect or is refused by name; none is
 * ignored.
 */
public final class RequestReader {
  private final LongSupplier random;
  private final Clock clock;

  /**
   * @param random where seeds and request ids come from that callers leave to us
   * @param clock whose date chat templates tell
   */
  public RequestReader(LongSupplier random, Clock clock) {
    this.random = random;
    this.clock = clock;
  }

  /**
   * Tokenizes, so it isn't for event loops.
   *
   * @param deadlineNanos of the call, in {@link System#nanoTime}'s terms
   * @throws InvalidRequestException naming the field at fault and what is allowed
   */
  public AcceptedRequest read(
      GenerateRequest asked, ModelProfile model, Optional<Long> deadlineNanos) {
    Checks.noUnknownFields("", asked);
    // What comes back in a resume token was in the caller's hands: it is checked like all else.
    Optional<ResumeToken> token =
        asked.hasResume()
            ? Optional.of(ResumeToken.parse(asked.getResume().getToken()))
            : Optional.empty();
    GenerateRequest request = token.map(given -> given.restore(asked, model)).orElse(asked);
    OffsetDateTime begun =
        token
            .map(ResumeToken::begun)
            .orElseGet(() -> OffsetDateTime.now(clock).truncatedTo(ChronoUnit.SECONDS));
    refuseWhatIsNotDoneYet(request);
    checkIds(request);
    SamplingParameters effectiveSampling =
        SamplingReader.effective(request.getSampling(), model.defaults(), random);
    int vocabulary = model.tokenizer().vocabularySize();
    SamplingSettings sampling = SamplingReader.read(effectiveSampling, vocabulary);
    OutputSettings output = OutputReader.read(request.getOutput());
    int candidates =
        request.hasCandidateCount()
            ? Checks.count("candidate_count", request.getCandidateCount(), 1, Limits.MAX_CANDIDATES)
            : 1;
    GenerationRequest.Priority priority = readPriority(request);
    Optional<Duration> maxQueueTime =
        request.hasMaxQueueTime()
            ? Optional.of(Checks.duration("max_queue_time", request.getMaxQueueTime()))
            : Optional.empty();
    int[] prompt =
        PromptReader.read(request, model, Clock.fixed(begun.toInstant(), begun.getOffset()));
    StopSettings stop =
        StopReader.read(request.getStop(), model.maxPositions() - prompt.length, vocabulary);
    Optional<CompiledFormat> format =
        request.hasResponseFormat()
            ? Optional.of(FormatReader.read(request.getResponseFormat(), model.formats()))
            : Optional.empty();
    Optional<ResumePoint> resume =
        request.hasResume()
            ? Optional.of(
                ResumeReader.read(
                    request.getResume(),
                    candidates,
                    stop.maxTokens(),
                    output,
                    prompt.length,
                    vocabulary))
            : Optional.empty();
    String requestId =
        request.getRequestId().isEmpty()
            ? HexFormat.of().toHexDigits(random.getAsLong())
            : request.getRequestId();
    GenerationStarted started =
        GenerationStarted.newBuilder()
            .setRequestId(requestId)
            .setModel(model.name())
            .setPromptTokenCount(prompt.length)
            .setSeed(sampling.seed())
            .setEffectiveSampling(effectiveSampling)
            .setEffectiveStop(
                StopCriteria.newBuilder(request.getStop())
                    .setMaxTokens(stop.maxTokens())
                    .setMinTokens(stop.minTokens()))
            .build();
    GenerationRequest generation =
        new GenerationRequest(
            requestId,
            prompt,
            sampling,
            stop,
            output,
            format,
            candidates,
            new SchedulingSettings(priority, "", request.getCacheSalt(), Optional.empty()),
            resume,
            maxQueueTime,
            deadlineNanos);
    FormatReader.checkResumed(generation, model.tokenizer());
    return new AcceptedRequest(
        generation,
        started.toBuilder()
            .setResumeToken(ResumeToken.of(asked, begun, started, model).encode())
            .build());
  }

  /**
   * Reads the request of a call that answers once.
   *
   * @throws InvalidRequestException naming the field as it is called in GenerateOnceRequest
   */
  public AcceptedRequest read(
      GenerateOnceRequest asked, ModelProfile model, Optional<Long> deadlineNanos) {
    Checks.noUnknownFields("", asked);
    if (!asked.hasRequest()) {
      throw invalid("request", "missing");
    }
    if (asked.getRequest().hasResume()) {
      throw invalid("request.resume", "is for streams; an answer that comes at once has no middle");
    }
    try {
      return read(asked.getRequest(), model, deadlineNanos);
    } catch (InvalidRequestException e) {
      throw e.within("request");
    }
  }

  private static void refuseWhatIsNotDoneYet(GenerateRequest asked) {
    if (!asked.getAdapter().isEmpty()) {
      throw unimplemented("adapter", "leave it empty");
    }
  }

  private static GenerationRequest.Priority readPriority(GenerateRequest asked) {
    Checks.known("priority", asked.getPriority(), asked.getPriorityValue());
    return switch (asked.getPriority()) {
      case PRIORITY_BATCH -> GenerationRequest.Priority.BATCH;
      case PRIORITY_INTERACTIVE -> GenerationRequest.Priority.INTERACTIVE;
      case PRIORITY_NORMAL, PRIORITY_UNSPECIFIED, UNRECOGNIZED -> GenerationRequest.Priority.NORMAL;
    };
  }

  /** Whether a caller may use this, and we may write it to logs. */
  public static boolean isRequestId(String id) {
    return id.length() <= Limits.MAX_REQUEST_ID_CHARACTERS
        && id.chars().allMatch(c -> c >= ' ' && c <= '~');
  }

  private static void checkIds(GenerateRequest asked) {
    if (!isRequestId(asked.getRequestId())) {
      throw invalid(
          "request_id",
          "allowed are at most "
              + Limits.MAX_REQUEST_ID_CHARACTERS
              + " printable ASCII characters");
    }
    Checks.atMost(
        "cache_salt", "bytes", asked.getCacheSaltBytes().size(), Limits.MAX_CACHE_SALT_BYTES);
  }
}
