package dev.millrace.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.Await;
import dev.millrace.engine.GenerationEvent;
import dev.millrace.sampling.SampledToken;
import dev.millrace.v1.EngineStats;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.TextGenerationServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.Status.Code;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntSupplier;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/** Demand, cancellation and deadlines come through a real connection, up to the engine. */
class FlowTest {
  /** As small as our own client's: what HTTP/2 lets a server run ahead by. */
  private static final int CLIENT_WINDOW_BYTES = 1_024;

  @Test
  void aClientThatAsksForOneMessageLeavesTheRestUnmade() {
    AtomicInteger made = new AtomicInteger();
    try (Loopback loopback = scripted(made);
        Reader reader = new Reader(loopback, Loopback.request("Hello", 5))) {
      reader.ask(1);
      Await.until("one message came", () -> reader.responses.size() == 1);
      int ahead = settled(made::get);

      // What the window and the threshold hold, of messages of some 30 bytes.
      assertThat(ahead).isBetween(2, 100);

      reader.ask(ahead + 200);
      Await.until("the rest came", () -> reader.responses.size() == ahead + 201);
      assertThat(settled(made::get)).isLessThan(ahead + 201 + 100);
    }
  }

  @Test
  void theEngineStopsDecodingForAClientThatDoesNotReadAndGoesOnWhenItDoes() throws Exception {
    try (Loopback loopback = Loopback.hashing();
        Reader reader = new Reader(loopback, Loopback.request("Hello", 400))) {
      reader.ask(1);
      Await.until("it stalls", () -> loopback.stats().getStalledSequences() == 1);
      settled(() -> (int) loopback.stats().getCompletionTokens());
      EngineStats stalled = loopback.stats();

      assertThat(stalled.getStalledSequences()).isEqualTo(1);
      assertThat(stalled.getCompletionTokens()).isBetween(1L, 110L);
      assertThat(stalled.getKvBlocksInUse()).isPositive();

      reader.ask(1_000);
      Await.until("it ended", () -> reader.ended);
      assertThat(reader.responses).hasSize(404);
      Await.until("its blocks are free", () -> loopback.stats().getKvBlocksInUse() == 0);
    }
  }

  @Test
  void aStalledStreamDoesNotHoldTheOthersOfItsConnectionUp() throws Exception {
    try (Loopback loopback = Loopback.hashing();
        Reader sleeper = new Reader(loopback, Loopback.request("Hello", 400))) {
      Await.until("it stalls", () -> loopback.stats().getStalledSequences() == 1);

      try (Reader other = new Reader(sleeper.channel, Loopback.request("World", 400))) {
        other.ask(1_000);
        Await.until("the other ended", () -> other.ended);
        assertThat(other.responses).hasSize(404);
      }
      assertThat(sleeper.responses).isEmpty();
    }
  }

  @Test
  void aCancelledCallGivesItsBlocksBackAtOnce() throws Exception {
    try (Loopback loopback = Loopback.hashing();
        Reader reader = new Reader(loopback, Loopback.request("Hello", 400))) {
      reader.ask(10);
      Await.until("some came", () -> reader.responses.size() == 10);

      reader.cancel();

      Await.until("the engine heard", () -> loopback.stats().getRequestsCancelled() == 1);
      assertThat(loopback.stats().getKvBlocksInUse()).isZero();
      assertThat(loopback.stats().getRunningSequences()).isZero();
    }
  }

  @Test
  void aCallThatIsCancelledInTheQueueNeverRuns() throws Exception {
    Semaphore steps = new Semaphore(0);
    try (Loopback loopback = Loopback.hashing(plan -> steps.acquireUninterruptibly())) {
      List<Reader> running = new ArrayList<>();
      for (int i = 0; i < Loopback.SETTINGS.maxRunning(); i++) {
        running.add(new Reader(loopback.channel, Loopback.request("Hello", 20)));
      }
      Await.until("a step begins", steps::hasQueuedThreads);
      try (Reader late = new Reader(loopback.channel, Loopback.request("World", 20))) {
        late.cancel();
      }
      steps.release(1_000_000);
      running.forEach(reader -> reader.ask(100));
      Await.until("all end", () -> running.stream().allMatch(reader -> reader.ended));
      assertThat(loopback.stats().getCompletionTokens()).isEqualTo(8 * 20);
    }
  }

  @Test
  void aCallsDeadlineReachesTheEngine() throws Exception {
    try (Loopback loopback =
        Loopback.hashing(plan -> LockSupport.parkNanos(20_000_000))) { // 400 steps take 8 s
      var stub = loopback.blocking().withDeadlineAfter(300, TimeUnit.MILLISECONDS);
      var responses = stub.generate(Loopback.request("Hello", 400));
      responses.next();
      Await.until(
          "the engine ended it",
          () ->
              loopback.stats().getRequestsCancelled() + loopback.stats().getRequestsFailed() == 1);

      Errors error = Errors.of(() -> responses.forEachRemaining(response -> {}));

      assertThat(error.code()).isEqualTo(Code.DEADLINE_EXCEEDED);
      assertThat(loopback.stats().getKvBlocksInUse()).isZero();
    }
  }

  @Test
  void theDeadlineComesWithTheRequest() throws Exception {
    AtomicInteger within = new AtomicInteger();
    try (Loopback loopback =
        Loopback.scripted(
            request -> {
              long left = request.deadlineNanos().orElseThrow() - System.nanoTime();
              within.set((int) TimeUnit.NANOSECONDS.toSeconds(left));
              return Flux.empty();
            })) {
      loopback
          .blocking()
          .withDeadlineAfter(100, TimeUnit.SECONDS)
          .generate(Loopback.request("Hello", 1))
          .forEachRemaining(response -> {});

      assertThat(within.get()).isBetween(80, 100);
    }
  }

  private static Loopback scripted(AtomicInteger made) {
    try {
      return Loopback.scripted(request -> endless(made));
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** Deltas as fast as they are asked for; counts them. */
  private static Flux<GenerationEvent> endless(AtomicInteger made) {
    GenerationEvent delta =
        new GenerationEvent.Delta(
            0, "word", List.of(new SampledToken(65, Float.NaN, 0, List.of())));
    return Flux.generate(
        sink -> {
          made.incrementAndGet();
          sink.next(delta);
        });
  }

  /** The count once it doesn't change for a while. */
  private static int settled(IntSupplier count) {
    long[] since = {System.nanoTime()};
    int[] last = {count.getAsInt()};
    Await.until(
        "it settles",
        () -> {
          int now = count.getAsInt();
          if (last[0] != now) {
            last[0] = now;
            since[0] = System.nanoTime();
          }
          return System.nanoTime() - since[0] > 200_000_000;
        });
    return last[0];
  }

  /** A client that takes as many messages as it is told to, over a connection of its own. */
  private static final class Reader
      implements ClientResponseObserver<GenerateRequest, GenerateResponse>, AutoCloseable {
    final ManagedChannel channel;
    final boolean ownsChannel;
    final List<GenerateResponse> responses = new ArrayList<>();
    volatile boolean ended;
    private ClientCallStreamObserver<GenerateRequest> call;

    Reader(Loopback loopback, GenerateRequest request) {
      this(
          NettyChannelBuilder.forAddress("127.0.0.1", loopback.server.port())
              .usePlaintext()
              .flowControlWindow(CLIENT_WINDOW_BYTES)
              .build(),
          request,
          true);
    }

    Reader(ManagedChannel channel, GenerateRequest request) {
      this(channel, request, false);
    }

    private Reader(ManagedChannel channel, GenerateRequest request, boolean ownsChannel) {
      this.channel = channel;
      this.ownsChannel = ownsChannel;
      TextGenerationServiceGrpc.newStub(channel).generate(request, this);
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<GenerateRequest> stream) {
      call = stream;
      stream.disableAutoRequestWithInitial(0);
    }

    void ask(int count) {
      call.request(count);
    }

    void cancel() {
      call.cancel("the test says so", null);
    }

    @Override
    public synchronized void onNext(GenerateResponse response) {
      responses.add(response);
    }

    @Override
    public void onError(Throwable failure) {
      ended = true;
    }

    @Override
    public void onCompleted() {
      ended = true;
    }

    @Override
    public void close() {
      cancel();
      if (ownsChannel) {
        channel.shutdownNow();
        Await.until("the channel is closed", channel::isTerminated);
      }
    }
  }
}
