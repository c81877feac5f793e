package dev.millrace.grpc;

import dev.millrace.engine.GenerationEvent;
import dev.millrace.engine.GenerationException;
import dev.millrace.request.AcceptedRequest;
import dev.millrace.request.RequestReader;
import dev.millrace.v1.Usage;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * What is known of one call that generates: the source of its usage trailer and of its one line in
 * the log. Never of its texts. Several threads tell and ask.
 */
final class CallRecord {
  private static final Logger log = LoggerFactory.getLogger("dev.millrace.requests");

  private final String method;
  private final String peer;
  private final long begunNanos = System.nanoTime();
  private String caller = "";
  private String requestId = "";
  private String model = "";
  private int promptTokens;
  private Usage usage = Usage.getDefaultInstance(); // of the generation at hand
  private Usage before = Usage.getDefaultInstance(); // of those before it, in a conversation
  private Optional<GenerationEvent.Timings> timings = Optional.empty();
  private String finishReason = ""; // of the candidate that ended last
  private String outcome = "";

  CallRecord(String method, String peer) {
    this.method = method;
    this.peer = peer;
  }

  /** Before anything else is told: who is served. */
  synchronized CallRecord calledBy(String name) {
    caller = name;
    return this;
  }

  /** For the scheduler's shares. */
  synchronized String caller() {
    return caller;
  }

  /** Before anything of it was checked. */
  synchronized void asked(String id) {
    requestId = RequestReader.isRequestId(id) ? id : "";
  }

  synchronized void accepted(AcceptedRequest request) {
    before = usage();
    usage = Usage.getDefaultInstance();
    outcome = ""; // until this generation has one, too
    requestId = request.started().getRequestId();
    model = request.started().getModel();
    promptTokens = request.started().getPromptTokenCount();
  }

  synchronized void saw(GenerationEvent event) {
    switch (event) {
      case GenerationEvent.Started _ -> {}
      case GenerationEvent.PromptProcessed prompt ->
          usage =
              Usage.newBuilder()
                  .setPromptTokens(promptTokens)
                  .setCachedPromptTokens(prompt.cachedTokens())
                  .build();
      case GenerationEvent.Delta delta ->
          usage =
              usage.toBuilder()
                  .setCompletionTokens(usage.getCompletionTokens() + delta.tokens().size())
                  .build();
      case GenerationEvent.Finished finished -> finishReason = word(finished.reason());
      case GenerationEvent.Summary summary -> {
        usage = EventTranslator.usage(summary.usage());
        timings = Optional.of(summary.timings());
        outcome = finishReason;
      }
    }
  }

  synchronized void failed(GenerationException failure) {
    usage = EventTranslator.usage(failure.usage());
  }

  /** The server ended the call with an error. */
  synchronized void closed(io.grpc.Status.Code code, String reason) {
    outcome = reason.isEmpty() ? code.name() : code + ":" + reason;
  }

  /** Of all that was generated in this call. */
  synchronized Usage usage() {
    return Usage.newBuilder()
        .setPromptTokens(before.getPromptTokens() + usage.getPromptTokens())
        .setCachedPromptTokens(before.getCachedPromptTokens() + usage.getCachedPromptTokens())
        .setCompletionTokens(before.getCompletionTokens() + usage.getCompletionTokens())
        .setPreemptions(before.getPreemptions() + usage.getPreemptions())
        .build();
  }

  /**
   * Writes the line.
   *
   * @param completely whether the caller got the call's end; else it went away before
   */
  synchronized void log(boolean completely) {
    LoggingEventBuilder line =
        log.atInfo()
            .addKeyValue("method", method)
            .addKeyValue("request_id", requestId)
            .addKeyValue("model", model)
            .addKeyValue("caller", caller)
            .addKeyValue("peer", peer)
            .addKeyValue("prompt_tokens", before.getPromptTokens() + promptTokens)
            .addKeyValue("cached_tokens", usage().getCachedPromptTokens())
            .addKeyValue("completion_tokens", usage().getCompletionTokens())
            .addKeyValue("outcome", completely || !outcome.isEmpty() ? outcome : "cancelled")
            .addKeyValue("total_ms", Duration.ofNanos(System.nanoTime() - begunNanos).toMillis());
    if (timings.isPresent()) {
      GenerationEvent.Timings spent = timings.get();
      line =
          line.addKeyValue("queued_ms", spent.queued().toMillis())
              .addKeyValue("prefill_ms", spent.prefill().toMillis())
              .addKeyValue("decode_ms", spent.decode().toMillis())
              .addKeyValue("stalled_ms", spent.stalled().toMillis());
    }
    line.log("request");
  }

  private static String word(GenerationEvent.FinishReason reason) {
    return reason.name().toLowerCase(Locale.ROOT);
  }
}
