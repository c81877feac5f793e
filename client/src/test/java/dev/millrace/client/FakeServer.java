package dev.millrace.client;

import dev.millrace.v1.CandidateFinished;
import dev.millrace.v1.ConverseRequest;
import dev.millrace.v1.ConverseResponse;
import dev.millrace.v1.FinishReason;
import dev.millrace.v1.GenerateOnceRequest;
import dev.millrace.v1.GenerateOnceResponse;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.GenerationSummary;
import dev.millrace.v1.GetModelRequest;
import dev.millrace.v1.GetModelResponse;
import dev.millrace.v1.Model;
import dev.millrace.v1.ModelServiceGrpc;
import dev.millrace.v1.TextDelta;
import dev.millrace.v1.TextGenerationServiceGrpc;
import dev.millrace.v1.TokenizationServiceGrpc;
import dev.millrace.v1.TokenizeRequest;
import dev.millrace.v1.TokenizeResponse;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.logging.Level;
import java.util.logging.Logger;

/** A server on loopback that answers as a test says, and sends whenever the transport is ready. */
public final class FakeServer extends TextGenerationServiceGrpc.TextGenerationServiceImplBase
    implements AutoCloseable {

  /** Tells of every stream that a client resets, which tests do all the time. */
  private static final Logger NETTY_SERVER = Logger.getLogger("io.grpc.netty.NettyServerHandler");

  static {
    NETTY_SERVER.setLevel(Level.OFF);
  }

  /**
   * @param events sent as demand allows
   * @param end how the call ends after them; null leaves it open
   */
  public record Answer(Iterator<GenerateResponse> events, StatusException end) {
    public static Answer whole(GenerateRequest request) {
      return new Answer(FakeModel.events(request), new StatusException(Status.OK));
    }

    /** These events, numbered. */
    public static Answer of(List<GenerateResponse> events) {
      List<GenerateResponse> numbered = new ArrayList<>();
      for (GenerateResponse event : events) {
        numbered.add(event.toBuilder().setSequenceNumber(numbered.size()).build());
      }
      return new Answer(numbered.iterator(), new StatusException(Status.OK));
    }

    /** The first so many events of this call, and then this status. */
    public static Answer cut(GenerateRequest request, int events, Status end) {
      return new Answer(first(events, FakeModel.events(request)), new StatusException(end));
    }

    /** The first so many events, and then silence. */
    public static Answer silentAfter(GenerateRequest request, int events) {
      return new Answer(first(events, FakeModel.events(request)), null);
    }

    public static Answer refused(Status status) {
      return refused(new StatusException(status));
    }

    static Answer refused(StatusException status) {
      return new Answer(List.<GenerateResponse>of().iterator(), status);
    }

    private static Iterator<GenerateResponse> first(int count, Iterator<GenerateResponse> all) {
      return new Iterator<>() {
        private int left = count;

        @Override
        public boolean hasNext() {
          return left > 0 && all.hasNext();
        }

        @Override
        public GenerateResponse next() {
          left--;
          return all.next();
        }
      };
    }
  }

  public final List<GenerateRequest> requests = new CopyOnWriteArrayList<>();

  /** Of all conversations. */
  public final List<ConverseRequest> commands = new CopyOnWriteArrayList<>();

  /** The header of each call; "null" where there is none. */
  public final List<String> authorizations = new CopyOnWriteArrayList<>();

  final AtomicLong sent = new AtomicLong();
  final CountDownLatch cancelled = new CountDownLatch(1);
  private final Function<GenerateRequest, Answer> answers;
  private final int onReadyThreshold;
  private final Server server;

  public FakeServer(Function<GenerateRequest, Answer> answers) throws IOException {
    this(answers, 32 << 10, 0);
  }

  /** As one that was restarted, where another one was before. */
  public FakeServer(int port) throws IOException {
    this(Answer::whole, 32 << 10, port);
  }

  FakeServer(Function<GenerateRequest, Answer> answers, int onReadyThreshold, int port)
      throws IOException {
    this.answers = answers;
    this.onReadyThreshold = onReadyThreshold;
    this.server =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), port))
            .permitKeepAliveTime(1, TimeUnit.MILLISECONDS)
            .intercept(authorizations())
            .addService(this)
            .addService(new OneModel())
            .addService(new OneIdALetter())
            .build()
            .start();
  }

  private ServerInterceptor authorizations() {
    Metadata.Key<String> key = Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
    return new ServerInterceptor() {
      @Override
      public <Q, R> ServerCall.Listener<Q> interceptCall(
          ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
        authorizations.add(String.valueOf(headers.get(key)));
        return next.startCall(call, headers);
      }
    };
  }

  public Target target() {
    return new Target("127.0.0.1", server.getPort());
  }

  @Override
  public void generate(GenerateRequest request, StreamObserver<GenerateResponse> observer) {
    requests.add(request);
    ServerCallStreamObserver<GenerateResponse> call =
        (ServerCallStreamObserver<GenerateResponse>) observer;
    call.setOnReadyThreshold(onReadyThreshold);
    call.setOnCancelHandler(cancelled::countDown);
    Sending sending = new Sending(call, answers.apply(request));
    call.setOnReadyHandler(sending::go);
    sending.go();
  }

  /** gRPC calls it from one thread at a time. */
  private final class Sending {
    private final ServerCallStreamObserver<GenerateResponse> call;
    private final Answer answer;
    private boolean ended;

    Sending(ServerCallStreamObserver<GenerateResponse> call, Answer answer) {
      this.call = call;
      this.answer = answer;
    }

    void go() {
      while (!ended && !call.isCancelled() && call.isReady() && answer.events().hasNext()) {
        call.onNext(answer.events().next());
        sent.incrementAndGet();
      }
      if (ended || call.isCancelled() || answer.events().hasNext() || answer.end() == null) {
        return;
      }
      ended = true;
      if (answer.end().getStatus().isOk()) {
        call.onCompleted();
      } else {
        call.onError(answer.end());
      }
    }
  }

  @Override
  public void generateOnce(
      GenerateOnceRequest request, StreamObserver<GenerateOnceResponse> observer) {
    requests.add(request.getRequest());
    Answer answer = answers.apply(request.getRequest());
    if (answer.end().getStatus().isOk()) {
      observer.onNext(GenerateOnceResponse.getDefaultInstance());
      observer.onCompleted();
    } else {
      observer.onError(answer.end());
    }
  }

  /** Each command has an answer, numbered. */
  @Override
  public StreamObserver<ConverseRequest> converse(StreamObserver<ConverseResponse> observer) {
    return new StreamObserver<>() {
      @Override
      public void onNext(ConverseRequest command) {
        commands.add(command);
        String text = "answer " + commands.size();
        observer.onNext(
            ConverseResponse.newBuilder().setDelta(TextDelta.newBuilder().setText(text)).build());
        observer.onNext(
            ConverseResponse.newBuilder()
                .setFinished(
                    CandidateFinished.newBuilder()
                        .setReason(FinishReason.FINISH_REASON_END_OF_TEXT))
                .build());
        observer.onNext(
            ConverseResponse.newBuilder()
                .setSummary(GenerationSummary.getDefaultInstance())
                .build());
      }

      @Override
      public void onError(Throwable cancelled) {}

      @Override
      public void onCompleted() {
        observer.onCompleted();
      }
    };
  }

  private static final class OneModel extends ModelServiceGrpc.ModelServiceImplBase {
    @Override
    public void getModel(GetModelRequest request, StreamObserver<GetModelResponse> observer) {
      observer.onNext(
          GetModelResponse.newBuilder().setModel(Model.newBuilder().setName("fake")).build());
      observer.onCompleted();
    }
  }

  /** The tokens of a text are its letters. */
  private static final class OneIdALetter
      extends TokenizationServiceGrpc.TokenizationServiceImplBase {
    @Override
    public void tokenize(TokenizeRequest request, StreamObserver<TokenizeResponse> observer) {
      TokenizeResponse.Builder answer = TokenizeResponse.newBuilder();
      request.getText().chars().forEach(letter -> answer.addTokensBuilder().setId(letter));
      observer.onNext(answer.build());
      observer.onCompleted();
    }
  }

  public boolean cancelledWithin(Duration time) throws InterruptedException {
    return cancelled.await(time.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** As a process that is told to stop and doesn't wait for its calls. */
  void stopNow() {
    server.shutdownNow();
  }

  @Override
  public void close() {
    stop();
  }

  /** Waits until another one can have the port. */
  public void stop() {
    server.shutdownNow();
    try {
      server.awaitTermination(5, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
