package dev.millrace.grpc;

import dev.millrace.engine.GenerationEvent;
import dev.millrace.engine.GenerationException;
import dev.millrace.request.AcceptedRequest;
import dev.millrace.request.GenerationRequest;
import dev.millrace.request.ModelProfile;
import dev.millrace.request.RequestReader;
import dev.millrace.v1.ConverseRequest;
import dev.millrace.v1.ConverseResponse;
import dev.millrace.v1.GenerateOnceRequest;
import dev.millrace.v1.GenerateOnceResponse;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.TextGenerationServiceGrpc.TextGenerationServiceImplBase;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.stub.StreamObserver;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.SynchronousSink;
import reactor.core.scheduler.Scheduler;

/** From the calls to the engine's events and back. */
final class TextGenerationService extends TextGenerationServiceImplBase {
  private final ServedModels models;
  private final RequestReader reader;
  private final Scheduler readers;

  /**
   * @param readers where requests are checked and tokenized
   */
  TextGenerationService(ServedModels models, RequestReader reader, Scheduler readers) {
    this.models = models;
    this.reader = reader;
    this.readers = readers;
  }

  @Override
  public void generate(GenerateRequest request, StreamObserver<GenerateResponse> observer) {
    events(request, (model, deadline) -> reader.read(request, model, deadline))
        .subscribe(new DemandBridge<>(observer));
  }

  @Override
  public void generateOnce(
      GenerateOnceRequest request, StreamObserver<GenerateOnceResponse> observer) {
    events(request.getRequest(), (model, deadline) -> reader.read(request, model, deadline))
        .collect(AnswerCollector::new, AnswerCollector::add)
        .map(AnswerCollector::answer)
        .subscribe(new DemandBridge<>(observer));
  }

  @Override
  public StreamObserver<ConverseRequest> converse(StreamObserver<ConverseResponse> observer) {
    ConverseCall call = new ConverseCall(models, reader, readers, record(), deadlineNanos());
    call.responses().subscribe(new DemandBridge<>(observer));
    return call;
  }

  private static CallRecord record() {
    return CallRecorder.current().calledBy(Authentication.caller());
  }

  /** How a call's request is read for a model. */
  private interface Reading {
    AcceptedRequest read(ModelProfile model, Optional<Long> deadlineNanos);
  }

  /** Nothing happens before it is subscribed to; must be called by the call's method itself. */
  private Flux<GenerateResponse> events(GenerateRequest request, Reading reading) {
    CallRecord record = record();
    record.asked(request.getRequestId());
    Optional<Long> deadline = deadlineNanos();
    return Mono.fromCallable(
            () -> {
              ServedModel model = models.find(request.getModel());
              AcceptedRequest accepted = reading.read(model.profile(), deadline);
              record.accepted(accepted);
              return run(model, accepted, record);
            })
        .subscribeOn(readers)
        .flatMapMany(events -> events);
  }

  private static Flux<GenerateResponse> run(
      ServedModel model, AcceptedRequest accepted, CallRecord record) {
    EventTranslator translator = new EventTranslator(accepted, model.profile().tokenizer());
    return model
        .generator()
        .generate(scheduled(accepted.generation(), record))
        .doOnError(GenerationException.class, record::failed)
        .handle(
            (GenerationEvent event, SynchronousSink<GenerateResponse> sink) -> {
              record.saw(event);
              translator.translate(event).ifPresent(sink::next);
            });
  }

  private static GenerationRequest scheduled(GenerationRequest request, CallRecord record) {
    return request.with(request.scheduling().withCaller(record.caller()));
  }

  /** The call's deadline in {@link System#nanoTime}'s terms. */
  private static Optional<Long> deadlineNanos() {
    return Optional.ofNullable(Context.current().getDeadline())
        .map((Deadline at) -> System.nanoTime() + at.timeRemaining(TimeUnit.NANOSECONDS));
  }
}
