package dev.millrace.grpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.millrace.engine.GenerationEvent;
import dev.millrace.request.AcceptedRequest;
import dev.millrace.request.GenerationRequest.OutputSettings;
import dev.millrace.request.GenerationRequest.ResumePoint;
import dev.millrace.sampling.SampledToken;
import dev.millrace.tokenizer.Tokenizer;
import dev.millrace.v1.CandidateFinished;
import dev.millrace.v1.CandidateToken;
import dev.millrace.v1.FinishReason;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.GenerationSummary;
import dev.millrace.v1.PromptProcessed;
import dev.millrace.v1.TextDelta;
import dev.millrace.v1.Timings;
import dev.millrace.v1.TokenInfo;
import dev.millrace.v1.Usage;
import java.time.Duration;
import java.util.Optional;

/**
 * The engine's events as the contract's, numbered. One stream's events, one after another.
 *
 * <p>Numbers are consecutive: Started is 0, PromptProcessed 1, and so on. A stream that is taken up
 * again goes on behind the last number that the caller has; the engine tells it Started and
 * PromptProcessed again, and whatever else comes behind the caller's tokens.
 */
final class EventTranslator {
  private final AcceptedRequest accepted;
  private final OutputSettings output;
  private final Tokenizer tokenizer;
  private final long after; // number of the last event that the caller has; -1 is none
  private long promptEvents; // that were seen
  private long last; // number of the last event that was sent, or that the caller has

  EventTranslator(AcceptedRequest accepted, Tokenizer tokenizer) {
    this.accepted = accepted;
    this.output = accepted.generation().output();
    this.tokenizer = tokenizer;
    this.after =
        accepted.generation().resume().flatMap(ResumePoint::afterSequenceNumber).orElse(-1L);
    this.last = after;
  }

  /** The event to send, unless the caller has it. */
  Optional<GenerateResponse> translate(GenerationEvent event) {
    if (callerHas(event)) {
      return Optional.empty();
    }
    GenerateResponse.Builder response = GenerateResponse.newBuilder().setSequenceNumber(++last);
    switch (event) {
      case GenerationEvent.Started _ -> response.setStarted(accepted.started());
      case GenerationEvent.PromptProcessed prompt -> response.setPrompt(prompt(prompt));
      case GenerationEvent.Delta delta -> response.setDelta(textDelta(delta));
      case GenerationEvent.Finished finished -> response.setFinished(finished(finished));
      case GenerationEvent.Summary summary ->
          response.setSummary(
              GenerationSummary.newBuilder()
                  .setUsage(usage(summary.usage()))
                  .setTimings(timings(summary.timings())));
    }
    return Optional.of(response.build());
  }

  private boolean callerHas(GenerationEvent event) {
    return switch (event) {
      case GenerationEvent.Started _ -> after >= 0;
      case GenerationEvent.PromptProcessed _ -> after >= ++promptEvents;
      case GenerationEvent.Delta _, GenerationEvent.Finished _, GenerationEvent.Summary _ -> false;
    };
  }

  private PromptProcessed prompt(GenerationEvent.PromptProcessed event) {
    PromptProcessed.Builder prompt =
        PromptProcessed.newBuilder().setCachedTokenCount(event.cachedTokens());
    for (SampledToken token : event.tokens()) {
      prompt.addTokens(tokenInfo(token));
    }
    return prompt.build();
  }

  private TextDelta textDelta(GenerationEvent.Delta delta) {
    TextDelta.Builder text =
        TextDelta.newBuilder().setCandidate(delta.candidate()).setText(delta.text());
    for (SampledToken token : delta.tokens()) {
      text.addTokenIds(token.id());
      if (output.tokens()) {
        text.addTokens(tokenInfo(token));
      }
    }
    return text.build();
  }

  private TokenInfo tokenInfo(SampledToken token) {
    TokenInfo.Builder info = TokenInfo.newBuilder().setId(token.id()).setPiece(piece(token.id()));
    if (output.logprobs() && token.rank() > 0) { // a prompt's first token has none
      info.setLogprob(token.logprob()).setRank(token.rank());
    }
    for (SampledToken.Candidate candidate : token.top()) {
      info.addTopCandidates(
          CandidateToken.newBuilder()
              .setId(candidate.id())
              .setPiece(piece(candidate.id()))
              .setLogprob(candidate.logprob()));
    }
    return info.build();
  }

  /** Not copied: the tokenizer's pieces never change. */
  private ByteString piece(int id) {
    return UnsafeByteOperations.unsafeWrap(tokenizer.piece(id));
  }

  private static CandidateFinished finished(GenerationEvent.Finished finished) {
    return CandidateFinished.newBuilder()
        .setCandidate(finished.candidate())
        .setReason(
            switch (finished.reason()) {
              case END_OF_TEXT -> FinishReason.FINISH_REASON_END_OF_TEXT;
              case STOP_SEQUENCE -> FinishReason.FINISH_REASON_STOP_SEQUENCE;
              case STOP_TOKEN -> FinishReason.FINISH_REASON_STOP_TOKEN;
              case MAX_TOKENS -> FinishReason.FINISH_REASON_MAX_TOKENS;
              case CONTEXT_FULL -> FinishReason.FINISH_REASON_CONTEXT_FULL;
              case TIME_LIMIT -> FinishReason.FINISH_REASON_TIME_LIMIT;
              case FORMAT_COMPLETE -> FinishReason.FINISH_REASON_FORMAT_COMPLETE;
              case INTERRUPTED -> FinishReason.FINISH_REASON_INTERRUPTED;
            })
        .setStopSequence(finished.stopText())
        .setCompletionTokens(finished.completionTokens())
        .build();
  }

  static Usage usage(GenerationEvent.Usage usage) {
    return Usage.newBuilder()
        .setPromptTokens(usage.promptTokens())
        .setCachedPromptTokens(usage.cachedPromptTokens())
        .setCompletionTokens(usage.completionTokens())
        .setPreemptions(usage.preemptions())
        .build();
  }

  private static Timings timings(GenerationEvent.Timings timings) {
    return Timings.newBuilder()
        .setQueued(duration(timings.queued()))
        .setPrefill(duration(timings.prefill()))
        .setDecode(duration(timings.decode()))
        .setStalled(duration(timings.stalled()))
        .build();
  }

  private static com.google.protobuf.Duration duration(Duration duration) {
    return com.google.protobuf.Duration.newBuilder()
        .setSeconds(duration.getSeconds())
        .setNanos(duration.getNano())
        .build();
  }
}
