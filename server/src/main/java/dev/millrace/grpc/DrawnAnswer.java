package dev.millrace.grpc;

import dev.millrace.engine.GenerationEvent;
import dev.millrace.engine.GenerationException;
import dev.millrace.pipeline.InterruptHandle;
import dev.millrace.sampling.SampledToken;
import dev.millrace.v1.ConverseResponse;
import java.util.Arrays;
import java.util.stream.IntStream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.SynchronousSink;

/** An answer whose tokens the engine draws. */
final class DrawnAnswer implements RunningAnswer {
  private final Context context;
  private final InterruptHandle interrupt;
  private final EventTranslator translator;
  private final int[] known;
  private final IntStream.Builder tokens = IntStream.builder(); // the known ones, and what came

  /**
   * @param known tokens that it goes on from; the caller has been told of them
   */
  DrawnAnswer(Context context, int[] known, InterruptHandle interrupt) {
    this.context = context;
    this.known = known;
    this.interrupt = interrupt;
    this.translator =
        new EventTranslator(context.accepted(), context.model().profile().tokenizer());
    IntStream.of(known).forEach(tokens);
  }

  @Override
  public Flux<ConverseResponse> responses() {
    return context
        .model()
        .generator()
        .generate(context.request().behind(known), interrupt)
        .doOnError(GenerationException.class, context.record()::failed)
        .handle(
            (GenerationEvent event, SynchronousSink<ConverseResponse> sink) -> {
              context.record().saw(event);
              note(event);
              translator.translate(event).map(context.events()::of).ifPresent(sink::next);
            });
  }

  private void note(GenerationEvent event) {
    switch (event) {
      case GenerationEvent.Delta delta ->
          delta.tokens().stream().mapToInt(SampledToken::id).forEach(tokens);
      case GenerationEvent.Finished finished -> { // without known ones behind its end
        int[] all = Arrays.copyOf(tokens.build().toArray(), finished.completionTokens());
        context.transcript().answer(all, AnswerText.whole(context, all, finished.reason()));
      }
      default -> {}
    }
  }

  @Override
  public void interrupt() {
    interrupt.interrupt();
  }
}
