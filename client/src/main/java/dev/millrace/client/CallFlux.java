package dev.millrace.client;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Operators;

/**
 * A gRPC call as a Flux of its responses. Cold: each subscriber makes a call of its own. Demand
 * goes to the call one to one, so that nothing is buffered here; cancelling cancels the call.
 * Requests are asked for one at a time, as the transport has room. Signals come on the channel's
 * executor. Fails with MillraceException.
 */
final class CallFlux<Q, P> extends Flux<P> {
  private final Channel channel;
  private final MethodDescriptor<Q, P> method;
  private final CallOptions options;
  private final Publisher<Q> requests;
  private final Optional<Duration> silenceTimeout;

  CallFlux(
      Channel channel,
      MethodDescriptor<Q, P> method,
      CallOptions options,
      Publisher<Q> requests,
      Optional<Duration> silenceTimeout) {
    this.channel = channel;
    this.method = method;
    this.options = options;
    this.requests = requests;
    this.silenceTimeout = silenceTimeout;
  }

  @Override
  public void subscribe(CoreSubscriber<? super P> subscriber) {
    Bridge<Q, P> bridge = new Bridge<>(channel.newCall(method, options), subscriber);
    silenceTimeout.ifPresent(bridge::watchSilence);
    subscriber.onSubscribe(bridge);
    bridge.start(requests);
  }

  private static final class Bridge<Q, P> extends ClientCall.Listener<P> implements Subscription {
    private static final long STARTED = -1;

    private final ClientCall<Q, P> call;
    private final CoreSubscriber<? super P> subscriber;

    /**
     * Demand that came before the call was started, for a subscriber may ask from within
     * onSubscribe; STARTED from then on.
     */
    private final AtomicLong early = new AtomicLong();

    private final AtomicBoolean callCancelled = new AtomicBoolean();

    /** By the subscriber: it hears nothing more. */
    private volatile boolean cancelled;

    /** What the subscriber hears instead of the call's status. */
    private volatile @Nullable Throwable failure;

    private final Sender<Q> sender;

    private @Nullable SilenceWatch silence;

    Bridge(ClientCall<Q, P> call, CoreSubscriber<? super P> subscriber) {
      this.call = call;
      this.subscriber = subscriber;
      this.sender = new Sender<>(call, this::fail);
    }

    void watchSilence(Duration timeout) {
      silence = new SilenceWatch(timeout, this::fail);
    }

    void start(Publisher<Q> requests) {
      if (cancelled || failure != null) {
        onClose(Status.CANCELLED, new Metadata());
        return;
      }
      call.start(this, new Metadata());
      requests.subscribe(sender);
      long demand = early.getAndSet(STARTED);
      if (demand > 0) {
        requestFromCall(demand);
      }
      if (cancelled || failure != null) {
        cancelCall();
      }
    }

    @Override
    public void request(long n) {
      if (n <= 0) {
        fail(new IllegalArgumentException("demand must be at least 1 (rule 3.9), was " + n));
        return;
      }
      if (silence != null) {
        silence.wanted(n);
      }
      long before = early.getAndUpdate(d -> d == STARTED ? STARTED : Operators.addCap(d, n));
      if (before == STARTED) {
        requestFromCall(n);
      }
    }

    /** No stream has 2³¹ responses, and the call adds up what is asked of it. */
    private void requestFromCall(long n) {
      call.request((int) Math.min(n, Integer.MAX_VALUE));
    }

    @Override
    public void cancel() {
      cancelled = true;
      cancelCall();
    }

    private void fail(Throwable reason) {
      failure = reason;
      cancelCall();
    }

    /** Before the call is started there's nothing to cancel: start looks again. */
    private void cancelCall() {
      if (early.get() == STARTED && callCancelled.compareAndSet(false, true)) {
        call.cancel("no longer wanted", null);
      }
    }

    @Override
    public void onReady() {
      sender.askIfReady();
    }

    @Override
    public void onMessage(P message) {
      if (silence != null) {
        silence.arrived();
      }
      if (!cancelled && failure == null) {
        subscriber.onNext(message);
      }
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      sender.cancel();
      if (silence != null) {
        silence.end();
      }
      if (cancelled) {
        return;
      }
      Throwable refused = failure;
      if (refused != null) {
        subscriber.onError(refused);
      } else if (status.isOk()) {
        subscriber.onComplete();
      } else {
        subscriber.onError(MillraceException.of(status, trailers));
      }
    }
  }

  /** Hands requests to the call, the next one when the transport has room. */
  private static final class Sender<Q> extends BaseSubscriber<Q> {
    private final ClientCall<Q, ?> call;
    private final Consumer<Throwable> failed;
    private final AtomicBoolean asked = new AtomicBoolean(true); // for one that hasn't come yet

    Sender(ClientCall<Q, ?> call, Consumer<Throwable> failed) {
      this.call = call;
      this.failed = failed;
    }

    @Override
    protected void hookOnSubscribe(Subscription subscription) {
      subscription.request(1); // a call may not be ready before it has a request
    }

    @Override
    protected void hookOnNext(Q request) {
      call.sendMessage(request);
      asked.set(false);
      askIfReady();
    }

    void askIfReady() {
      if (upstream() != null && call.isReady() && asked.compareAndSet(false, true)) {
        request(1);
      }
    }

    @Override
    protected void hookOnComplete() {
      call.halfClose();
    }

    @Override
    protected void hookOnError(Throwable failure) {
      failed.accept(failure);
    }
  }
}
