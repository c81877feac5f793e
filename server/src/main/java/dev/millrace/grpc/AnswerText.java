package dev.millrace.grpc;

import dev.millrace.engine.Completion;
import dev.millrace.engine.GenerationEvent.Delta;
import dev.millrace.engine.GenerationEvent.FinishReason;
import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.request.GenerationRequest;
import dev.millrace.request.ModelProfile;
import dev.millrace.sampling.SampledToken;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** An answer's tokens that somebody else chose, as text with the request's stops. */
final class AnswerText {
  private final Completion completion;

  /**
   * @param tokens that it begins with
   * @param told how many of them the caller has been told of
   */
  AnswerText(RunningAnswer.Context context, int[] tokens, int told) {
    completion = completion(context, context.request().behind(Arrays.copyOf(tokens, told)));
    for (int i = told; i < tokens.length; i++) {
      completion.accept(unscored(tokens[i]));
    }
  }

  /** All text of an answer that has ended, without an echo. */
  static String whole(RunningAnswer.Context context, int[] tokens, FinishReason why) {
    Completion completion = completion(context, context.request().withoutEcho());
    for (int i = 0; i < tokens.length && completion.reason() == null; i++) {
      completion.accept(unscored(tokens[i]));
    }
    if (completion.reason() == null) {
      completion.end(why);
    }
    return completion.takeDelta().map(Delta::text).orElse("");
  }

  private static Completion completion(RunningAnswer.Context context, GenerationRequest request) {
    ModelProfile model = context.model().profile();
    int room = model.maxPositions() - request.prompt().length;
    return new Completion(request, 0, model.tokenizer(), room);
  }

  private static SampledToken unscored(int id) {
    return new SampledToken(id, Float.NaN, 0, List.of());
  }

  /** Adds a token; the event that is due then. */
  Optional<Delta> add(SampledToken token) {
    completion.accept(token);
    return completion.takeDelta();
  }

  /** Ends it with what there is; the event that is due then. */
  Optional<Delta> end(FinishReason why) {
    completion.end(why);
    return completion.takeDelta();
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
}
