package dev.millrace.grpc;

import static dev.millrace.request.InvalidRequestException.invalid;

import com.google.protobuf.UnsafeByteOperations;
import dev.millrace.engine.GenerationEvent;
import dev.millrace.engine.GenerationEvent.FinishReason;
import dev.millrace.engine.GenerationEvent.PromptProcessed;
import dev.millrace.engine.GenerationEvent.Started;
import dev.millrace.engine.GenerationEvent.Summary;
import dev.millrace.engine.GenerationException;
import dev.millrace.request.Checks;
import dev.millrace.sampling.SampledToken;
import dev.millrace.tokenizer.Tokenizer;
import dev.millrace.v1.CandidateToken;
import dev.millrace.v1.ConverseRequest;
import dev.millrace.v1.ConverseResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * An answer whose tokens the caller picks: for each, the engine computes one position behind what
 * was picked before, in the conversation's session, and the likeliest tokens are shown.
 */
final class PickedAnswer implements RunningAnswer {
  /** How many are shown where the request doesn't say. */
  private static final int CANDIDATES = 10;

  private final Context context;
  private final Tokenizer tokenizer;
  private final EventTranslator translator;
  private final CommandBox commands = new CommandBox();
  private final long begunNanos = System.nanoTime();
  private int[] picked;
  private int told; // how many of them the caller has been told of, in text
  private AnswerText text;
  private boolean started;
  private boolean finished;
  private List<SampledToken.Candidate> shown = List.of();
  private GenerationEvent.Usage usage = GenerationEvent.Usage.NONE;
  private GenerationEvent.Timings timings =
      new GenerationEvent.Timings(Duration.ZERO, Duration.ZERO, Duration.ZERO, Duration.ZERO);

  /**
   * @param known tokens that were picked before
   */
  PickedAnswer(Context context, int[] known) {
    this.context = context;
    this.tokenizer = context.model().profile().tokenizer();
    this.translator = new EventTranslator(context.accepted(), tokenizer);
    this.picked = known;
    this.told = known.length;
    this.text = new AnswerText(context, known, told);
  }

  @Override
  public Flux<ConverseResponse> responses() {
    return Flux.defer(this::step).repeat(() -> !finished);
  }

  /** A pick, a rewinding or an interruption; from gRPC. */
  void command(ConverseRequest command) {
    commands.put(command);
  }

  @Override
  public void interrupt() {
    commands.put(
        ConverseRequest.newBuilder()
            .setInterrupt(ConverseRequest.InterruptTurn.getDefaultInstance())
            .build());
  }

  /** Shows candidates, waits for a command, and does it. */
  private Flux<ConverseResponse> step() {
    if (text.reason() != null) {
      return Flux.fromIterable(end());
    }
    return Flux.concat(showCandidates(), Flux.defer(this::awaitCommand));
  }

  private Flux<ConverseResponse> showCandidates() {
    int asked = context.request().output().topCandidates();
    return context
        .model()
        .generator()
        .generate(context.request().forOneToken(picked, asked == 0 ? CANDIDATES : asked))
        .doOnError(GenerationException.class, context.record()::failed)
        .collectList()
        .flatMapIterable(this::told);
  }

  /** Of the engine's events, what the caller gets. */
  private List<ConverseResponse> told(List<GenerationEvent> events) {
    List<ConverseResponse> responses = new ArrayList<>();
    for (GenerationEvent event : events) {
      switch (event) {
        case Started _, PromptProcessed _ -> {
          if (!started) {
            responses.addAll(translated(event));
          }
        }
        case GenerationEvent.Delta delta -> shown = delta.tokens().getLast().top();
        case GenerationEvent.Finished _ -> {}
        case Summary summary -> note(summary);
      }
    }
    started = true;
    responses.add(context.events().of(pickRequest()));
    return responses;
  }

  /** Sums up what the answer's generations of one token each took. */
  private void note(Summary summary) {
    boolean first = usage.equals(GenerationEvent.Usage.NONE);
    usage =
        new GenerationEvent.Usage(
            context.request().prompt().length,
            first ? summary.usage().cachedPromptTokens() : usage.cachedPromptTokens(),
            picked.length,
            usage.preemptions() + summary.usage().preemptions());
    GenerationEvent.Timings more = summary.timings();
    timings =
        new GenerationEvent.Timings(
            timings.queued().plus(more.queued()),
            timings.prefill().plus(more.prefill()),
            timings.decode().plus(more.decode()),
            timings.stalled().plus(more.stalled()));
  }

  private List<ConverseResponse> translated(GenerationEvent event) {
    context.record().saw(event);
    return translator.translate(event).map(context.events()::of).stream().toList();
  }

  private ConverseResponse.PickRequest pickRequest() {
    ConverseResponse.PickRequest.Builder pick =
        ConverseResponse.PickRequest.newBuilder().setPosition(picked.length);
    for (SampledToken.Candidate candidate : shown) {
      pick.addCandidates(
          CandidateToken.newBuilder()
              .setId(candidate.id())
              .setPiece(UnsafeByteOperations.unsafeWrap(tokenizer.piece(candidate.id())))
              .setLogprob(candidate.logprob()));
    }
    return pick.build();
  }

  private Flux<ConverseResponse> awaitCommand() {
    Mono<ConverseRequest> next = commands.take();
    Optional<Duration> limit = context.request().stop().timeLimit();
    if (limit.isPresent()) {
      Duration left = limit.get().minusNanos(System.nanoTime() - begunNanos);
      next = next.timeout(left.isNegative() ? Duration.ZERO : left);
    }
    return next.flatMapIterable(this::obey)
        .onErrorResume(
            TimeoutException.class, _ -> Flux.fromIterable(end(FinishReason.TIME_LIMIT)));
  }

  private List<ConverseResponse> obey(ConverseRequest command) {
    return switch (command.getCommandCase()) {
      case PICK -> pick(command.getPick());
      case REWIND -> rewind(command.getRewind().getTokenCount());
      default -> end(FinishReason.INTERRUPTED);
    };
  }

  private List<ConverseResponse> pick(ConverseRequest.PickToken asked) {
    if (asked.getPosition() != picked.length) {
      throw invalid(
          "pick.position",
          "%d; the token at position %d is asked for"
              .formatted(Integer.toUnsignedLong(asked.getPosition()), picked.length));
    }
    int id = Checks.tokenIds("pick.id", List.of(asked.getId()), tokenizer.vocabularySize())[0];
    int minTokens = context.request().stop().minTokens();
    if (picked.length < minTokens && text.forbids(id)) {
      throw invalid("pick.id", id + " ends the output, which is to have " + minTokens + " tokens");
    }
    if (!text.formatAllows(id)) {
      throw invalid("pick.id", id + "; the response format doesn't allow it there");
    }
    picked = Arrays.copyOf(picked, picked.length + 1);
    picked[picked.length - 1] = id;
    return text.add(sampled(id)).map(this::tell).orElse(List.of());
  }

  private List<ConverseResponse> tell(GenerationEvent.Delta delta) {
    told += delta.tokens().size();
    return translated(delta);
  }

  /** With what is known of it, if it was among those shown. */
  private SampledToken sampled(int id) {
    for (int i = 0; i < shown.size(); i++) {
      if (shown.get(i).id() == id) {
        return new SampledToken(id, shown.get(i).logprob(), i + 1, shown);
      }
    }
    return new SampledToken(id, Float.NaN, 0, shown);
  }

  private List<ConverseResponse> rewind(int tokenCount) {
    if (tokenCount < 1 || tokenCount > picked.length) {
      throw invalid(
          "rewind.token_count",
          Integer.toUnsignedLong(tokenCount) + "; " + picked.length + " tokens are picked");
    }
    picked = Arrays.copyOf(picked, picked.length - tokenCount);
    told = Math.min(told, picked.length);
    text = new AnswerText(context, picked, told);
    return List.of();
  }

  private List<ConverseResponse> end(FinishReason why) {
    List<ConverseResponse> responses = new ArrayList<>();
    text.end(why).ifPresent(delta -> responses.addAll(tell(delta)));
    responses.addAll(end());
    return responses;
  }

  private List<ConverseResponse> end() {
    finished = true;
    GenerationEvent.Finished last = text.finished();
    context.transcript().answer(picked, AnswerText.whole(context, picked, last.reason()));
    List<ConverseResponse> responses = new ArrayList<>(translated(last));
    usage =
        new GenerationEvent.Usage(
            usage.promptTokens(), usage.cachedPromptTokens(), picked.length, usage.preemptions());
    responses.addAll(translated(new Summary(usage, timings)));
    return responses;
  }
}
