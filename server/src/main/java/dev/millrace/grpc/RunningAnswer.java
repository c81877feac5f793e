package dev.millrace.grpc;

import dev.millrace.request.AcceptedRequest;
import dev.millrace.request.GenerationRequest;
import dev.millrace.request.Transcript;
import dev.millrace.v1.ConverseResponse;
import reactor.core.publisher.Flux;

/** An answer within a conversation; when it has ended, the transcript has it. */
sealed interface RunningAnswer permits DrawnAnswer, PickedAnswer {
  /**
   * @param request what the engine gets: accepted's, in the conversation's session
   */
  record Context(
      ServedModel model,
      AcceptedRequest accepted,
      GenerationRequest request,
      Transcript transcript,
      ConverseEvents events,
      CallRecord record) {}

  /** To be subscribed to once. */
  Flux<ConverseResponse> responses();

  /** Ends it with what there is; from any thread. */
  void interrupt();
}
