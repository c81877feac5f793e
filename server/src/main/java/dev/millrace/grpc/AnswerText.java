package dev.millrace.grpc;

import dev.millrace.engine.Completion;
import dev.millrace.engine.GenerationEvent.Delta;
import dev.millrace.engine.GenerationEvent.FinishReason;
import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.request.ModelProfile;
import dev.millrace.sampling.SampledToken;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** An answer's tokens that somebody else chose, as text with the request's stops. */
final class AnswerText {
  private final Completion completion;
  private final StringBuilder told = new StringBuilder();

  AnswerText(RunningAnswer.Context context, int[] tokens) {
    ModelProfile model = context.model().profile();
    int room = model.maxPositions() - context.request().prompt().length;
    completion = new Completion(context.request(), 0, model.tokenizer(), room);
    for (int token : tokens) {
      add(new SampledToken(token, Float.NaN, 0, List.of()));
    }
  }

  /** Adds a token; the event that is due then. */
  Optional<Delta> add(SampledToken token) {
    completion.accept(token);
    return take();
  }

  /** Ends it with what there is; the event that is due then. */
  Optional<Delta> end(FinishReason why) {
    completion.end(why);
    return take();
  }

  private Optional<Delta> take() {
    Optional<Delta> delta = completion.takeDelta();
    delta.ifPresent(each -> told.append(each.text()));
    return delta;
  }

  /** Whether a token may not come next: it would end the output too early. */
  boolean forbids(int id) {
    return Arrays.stream(completion.forbiddenIds()).anyMatch(forbidden -> forbidden == id);
  }

  /** Whether the request's format allows a token next. */
  boolean formatAllows(int id) {
    return completion.allows(id);
  }

  /** Why it has ended, or null. */
  @Nullable FinishReason reason() {
    return completion.reason();
  }

  Finished finished() {
    return completion.finished();
  }

  /** All text so far. */
  String told() {
    return told.toString();
  }
}
