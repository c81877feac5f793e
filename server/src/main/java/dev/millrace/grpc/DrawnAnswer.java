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
  private final IntStream.Builder more = IntStream.builder();
  private final StringBuilder text = new StringBuilder();
  private final int[] known;

  /**
   * @param known tokens that it goes on from; the caller has their text
   */
  DrawnAnswer(Context context, int[] known, InterruptHandle interrupt) {
    this.context = context;
    this.known = known;
    this.interrupt = interrupt;
    this.translator =
        new EventTranslator(context.accepted(), context.model().profile().tokenizer());
    if (known.length > 0) {
      text.append(new AnswerText(context, known).told());
    }
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
      case GenerationEvent.Delta delta -> {
        text.append(delta.text());
        delta.tokens().stream().mapToInt(SampledToken::id).forEach(more::add);
      }
      case GenerationEvent.Summary _ -> {
        int[] drawn = more.build().toArray();
        int[] all = Arrays.copyOf(known, known.length + drawn.length);
        System.arraycopy(drawn, 0, all, known.length, drawn.length);
        context.transcript().answer(all, text.toString());
      }
      default -> {}
    }
  }

  @Override
  public void interrupt() {
    interrupt.interrupt();
  }
}
