package dev.millrace.grpc;

import static dev.millrace.request.InvalidRequestException.invalid;

import dev.millrace.pipeline.InterruptHandle;
import dev.millrace.request.AcceptedRequest;
import dev.millrace.request.ConverseReader;
import dev.millrace.request.GenerationRequest;
import dev.millrace.request.InvalidRequestException;
import dev.millrace.request.RequestReader;
import dev.millrace.request.Transcript;
import dev.millrace.v1.ConverseRequest;
import dev.millrace.v1.ConverseRequest.OpenConversation;
import dev.millrace.v1.ConverseResponse;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.SamplingParameters;
import dev.millrace.v1.StopCriteria;
import io.grpc.stub.StreamObserver;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Scheduler;

/**
 * One conversation: commands in, events of its turns out. Commands that begin an answer wait for
 * one another; an interruption and a caller's picks reach the answer that runs. All answers are
 * drawn in one session of the engine, which keeps the blocks of what was said.
 *
 * <p>Commands come from gRPC, one at a time. The transcript belongs to the answer that runs, and
 * between answers to the reader that prepares the next one.
 */
final class ConverseCall implements StreamObserver<ConverseRequest> {
  private static final Logger log = LoggerFactory.getLogger(ConverseCall.class);

  /** Commands that may wait: enough to send a conversation ahead. */
  private static final int MAX_WAITING = 16;

  /** In sum, without the opening: no more than one of them could have. */
  private static final int MAX_WAITING_BYTES = TransportLimits.DEFAULT.maxMessageBytes();

  private final ServedModels models;
  private final RequestReader reader;
  private final Scheduler readers;
  private final CallRecord record;
  private final Optional<Long> deadlineNanos;
  private final Sinks.Many<ConverseRequest> commands =
      Sinks.many().unicast().onBackpressureBuffer(new ArrayBlockingQueue<>(MAX_WAITING));
  private final Sinks.Empty<Void> failed = Sinks.empty(); // past the commands that wait
  private final ConverseEvents events = new ConverseEvents();

  private boolean opened; // gRPC's side
  private volatile boolean callerPicks;
  private @Nullable RunningAnswer running;
  private int waiting; // commands whose answers aren't complete
  private long waitingBytes; // of commands that haven't begun
  private int interruptAmong; // so many of them that wait: the first that has an answer
  private @Nullable Conversation conversation; // once it is open
  private boolean closed; // no session is opened any more

  /** What stays the same in all turns. */
  private record Conversation(
      ServedModel model, GenerateRequest parameters, Transcript transcript, long session) {}

  /**
   * @param record of this call
   * @param deadlineNanos of the call, in {@link System#nanoTime}'s terms
   */
  ConverseCall(
      ServedModels models,
      RequestReader reader,
      Scheduler readers,
      CallRecord record,
      Optional<Long> deadlineNanos) {
    this.models = models;
    this.reader = reader;
    this.readers = readers;
    this.record = record;
    this.deadlineNanos = deadlineNanos;
  }

  /** All turns' events, one turn after another; to be subscribed to once. */
  Flux<ConverseResponse> responses() {
    return commands
        .asFlux()
        .concatMap(
            command ->
                Mono.fromCallable(() -> begin(command))
                    .subscribeOn(readers)
                    .flatMapMany(answer -> answer)
                    // Before the signal goes on: it may begin the next answer.
                    .doOnTerminate(this::ended)
                    .doOnCancel(this::ended),
            0)
        .takeUntilOther(failed.asMono())
        .doFinally(signal -> closeSession());
  }

  /**
   * Begins the conversation, unless the call ended while its history was read: nobody would close
   * the session then.
   */
  private synchronized boolean openSession(
      ServedModel model, GenerateRequest parameters, Transcript transcript) {
    if (!closed) {
      long session = model.engine().openSession();
      conversation = new Conversation(model, parameters, transcript, session);
    }
    return !closed;
  }

  private synchronized void closeSession() {
    closed = true;
    if (conversation != null) {
      conversation.model().engine().closeSession(conversation.session());
    }
  }

  // ---- commands, from gRPC

  @Override
  public void onNext(ConverseRequest command) {
    try {
      accept(command);
    } catch (InvalidRequestException e) {
      fail(e);
    }
  }

  private void accept(ConverseRequest command) {
    ConverseReader.checkUnknownFields(command);
    if (opened == command.hasOpen()) {
      throw invalid("command", opened ? "open comes once" : "open must come first");
    }
    RunningAnswer answer = running();
    switch (command.getCommandCase()) {
      case OPEN -> {
        opened = true;
        callerPicks = command.getOpen().getCallerPicks();
        record.asked(command.getOpen().getRequest().getRequestId());
        enqueue(command);
      }
      case TURN, REGENERATE -> enqueue(command);
      case INTERRUPT -> {
        interrupt();
      }
      case PICK -> {
        if (!(answer instanceof PickedAnswer picked)) {
          throw invalid("pick", "nothing asks for one");
        }
        picked.command(command);
      }
      case REWIND -> {
        if (answer instanceof PickedAnswer picked) {
          picked.command(command);
        } else {
          enqueue(command);
        }
      }
      case COMMAND_NOT_SET -> throw invalid("command", "is none");
    }
  }

  private synchronized @Nullable RunningAnswer running() {
    return running;
  }

  /** The answer that runs, or is about to; if there is none, it has ended by itself. */
  private synchronized void interrupt() {
    if (running != null) {
      running.interrupt();
    } else {
      interruptAmong = waiting;
    }
  }

  private synchronized void runs(RunningAnswer answer) {
    running = answer;
    if (interruptAmong > 0) {
      interruptAmong = 0;
      answer.interrupt();
    }
  }

  private synchronized void ended() {
    running = null;
    waiting--;
    interruptAmong = Math.max(0, interruptAmong - 1);
  }

  private void enqueue(ConverseRequest command) {
    synchronized (this) {
      waiting++;
      waitingBytes += bytes(command);
      if (waitingBytes > MAX_WAITING_BYTES) {
        throw pending(MAX_WAITING_BYTES + " bytes of commands");
      }
    }
    Sinks.EmitResult result = commands.tryEmitNext(command);
    if (result == Sinks.EmitResult.FAIL_OVERFLOW) {
      throw pending(MAX_WAITING + " commands");
    } else if (result.isFailure()) {
      log.debug("a command came behind its call's end: {}", result);
    }
  }

  /** The opening waits for no answer. */
  private static int bytes(ConverseRequest command) {
    return command.hasOpen() ? 0 : command.getSerializedSize();
  }

  private static InvalidRequestException pending(String most) {
    return new InvalidRequestException(
        InvalidRequestException.Kind.RESOURCE_EXHAUSTED,
        "command",
        "at most " + most + " may wait; read the answers before asking for more");
  }

  private void fail(Throwable failure) {
    Sinks.EmitResult result = failed.tryEmitError(failure);
    if (result.isFailure()) {
      log.debug("the call has ended already: {}", result);
    }
  }

  @Override
  public void onError(Throwable failure) {
    fail(failure); // the caller has gone; the bridge has cancelled what runs
  }

  @Override
  public void onCompleted() {
    Sinks.EmitResult result = commands.tryEmitComplete();
    if (result.isFailure()) {
      log.debug("the call has ended already: {}", result);
    }
  }

  // ---- answers, begun by readers one after another

  private Flux<ConverseResponse> begin(ConverseRequest command) {
    synchronized (this) {
      waitingBytes -= bytes(command);
    }
    try {
      return switch (command.getCommandCase()) {
        case OPEN -> open(command.getOpen());
        case TURN -> {
          require().transcript().add(command.getTurn().getMessagesList());
          events.nextTurn();
          yield answer(
              require().transcript().nextPrompt(),
              command.getTurn().getSampling(),
              command.getTurn().getStop(),
              new int[0]);
        }
        case REGENERATE -> {
          require().transcript().dropAnswer();
          yield answer(
              require().transcript().lastPrompt(),
              command.getRegenerate().getSampling(),
              command.getRegenerate().getStop(),
              new int[0]);
        }
        case REWIND -> rewind(command.getRewind().getTokenCount());
        case INTERRUPT, PICK, COMMAND_NOT_SET ->
            throw new IllegalStateException("doesn't begin an answer: " + command);
      };
    } catch (InvalidRequestException e) {
      throw e.within(ConverseReader.field(command));
    }
  }

  private synchronized Conversation require() {
    if (conversation == null) {
      throw new IllegalStateException("the conversation isn't open");
    }
    return conversation;
  }

  private Flux<ConverseResponse> open(OpenConversation asked) {
    GenerateRequest parameters = ConverseReader.opening(asked);
    ServedModel model = models.find(parameters.getModel());
    Transcript transcript = Transcript.open(asked.getRequest(), model.profile());
    if (!openSession(model, parameters, transcript)) {
      return Flux.empty();
    }
    if (!transcript.wantsAnswer()) {
      check(parameters, model);
      return Flux.empty();
    }
    SamplingParameters.Builder sampling = SamplingParameters.newBuilder();
    if (parameters.getSampling().hasSeed()) { // it is the first turn's own
      sampling.setSeed(parameters.getSampling().getSeed());
    }
    return answer(
        transcript.nextPrompt(), sampling.build(), StopCriteria.getDefaultInstance(), new int[0]);
  }

  /** Parameters that no answer has been asked for with yet: what is wrong with them is said now. */
  private void check(GenerateRequest parameters, ServedModel model) {
    GenerateRequest request =
        ConverseReader.turn(
            parameters,
            SamplingParameters.getDefaultInstance(),
            StopCriteria.getDefaultInstance(),
            new int[] {0});
    reader.read(request, model.profile(), deadlineNanos);
  }

  private Flux<ConverseResponse> rewind(int tokenCount) {
    Transcript transcript = require().transcript();
    int[] known = transcript.hasAnswer() ? transcript.answer() : new int[0];
    if (tokenCount < 1 || tokenCount > known.length) {
      throw invalid(
          "token_count",
          Integer.toUnsignedLong(tokenCount)
              + "; the last answer has "
              + known.length
              + " tokens, of which at least one is to be taken back");
    }
    transcript.dropAnswer();
    return answer(
        transcript.lastPrompt(),
        SamplingParameters.getDefaultInstance(),
        StopCriteria.getDefaultInstance(),
        Arrays.copyOf(known, known.length - tokenCount));
  }

  /**
   * @param known tokens that the answer begins with
   */
  private Flux<ConverseResponse> answer(
      int[] prompt, SamplingParameters sampling, StopCriteria stop, int[] known) {
    Conversation open = require();
    AcceptedRequest accepted =
        reader.read(
            ConverseReader.turn(open.parameters(), sampling, stop, prompt),
            open.model().profile(),
            deadlineNanos);
    record.accepted(accepted);
    GenerationRequest request =
        accepted
            .generation()
            .with(
                accepted
                    .generation()
                    .scheduling()
                    .withCaller(record.caller())
                    .withSession(open.session()));
    RunningAnswer.Context context =
        new RunningAnswer.Context(
            open.model(), accepted, request, open.transcript(), events, record);
    RunningAnswer answer =
        callerPicks
            ? new PickedAnswer(context, known)
            : new DrawnAnswer(context, known, new InterruptHandle());
    runs(answer);
    return answer.responses();
  }
}
