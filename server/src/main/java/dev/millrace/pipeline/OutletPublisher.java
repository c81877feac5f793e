package dev.millrace.pipeline;

import dev.millrace.engine.Engine;
import dev.millrace.engine.GenerationEvent;
import dev.millrace.request.GenerationRequest;
import java.util.concurrent.Executor;
import org.reactivestreams.Publisher;
import org.reactivestreams.Subscriber;

/** Submits its request once for each subscriber, and hands the events on as they are asked for. */
final class OutletPublisher implements Publisher<GenerationEvent> {
  private final Engine engine;
  private final GenerationRequest request;
  private final InterruptHandle interrupt;
  private final int capacity;
  private final Executor executor;

  /**
   * @param capacity Deltas that may wait for the subscriber
   */
  OutletPublisher(
      Engine engine,
      GenerationRequest request,
      InterruptHandle interrupt,
      int capacity,
      Executor executor) {
    this.engine = engine;
    this.request = request;
    this.interrupt = interrupt;
    this.capacity = capacity;
    this.executor = executor;
  }

  @Override
  public void subscribe(Subscriber<? super GenerationEvent> subscriber) {
    OutletSubscription subscription =
        new OutletSubscription(engine, capacity, request, executor, subscriber);
    subscriber.onSubscribe(subscription);
    subscription.start();
    interrupt.bind(subscription::interrupt);
  }
}
