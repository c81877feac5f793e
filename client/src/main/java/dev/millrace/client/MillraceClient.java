package dev.millrace.client;

import dev.millrace.v1.ConverseRequest;
import dev.millrace.v1.ConverseResponse;
import dev.millrace.v1.DetokenizeRequest;
import dev.millrace.v1.DetokenizeResponse;
import dev.millrace.v1.EngineServiceGrpc;
import dev.millrace.v1.EngineStats;
import dev.millrace.v1.GenerateOnceRequest;
import dev.millrace.v1.GenerateOnceResponse;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.GetEngineStatsRequest;
import dev.millrace.v1.GetEngineStatsResponse;
import dev.millrace.v1.GetModelRequest;
import dev.millrace.v1.GetModelResponse;
import dev.millrace.v1.ListModelsRequest;
import dev.millrace.v1.ListModelsResponse;
import dev.millrace.v1.Model;
import dev.millrace.v1.ModelServiceGrpc;
import dev.millrace.v1.RenderChatRequest;
import dev.millrace.v1.RenderChatResponse;
import dev.millrace.v1.TextGenerationServiceGrpc;
import dev.millrace.v1.TokenizationServiceGrpc;
import dev.millrace.v1.TokenizeRequest;
import dev.millrace.v1.TokenizeResponse;
import io.grpc.CallOptions;
import io.grpc.Deadline;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Talks to Millrace servers. Everything it returns is cold: subscribing makes the call, cancelling
 * cancels it on the server, and what isn't requested isn't generated, but for the slack that
 * docs/client.md states. Failures are {@link MillraceException}.
 *
 * <p>Signals come on gRPC's executor, unless {@link ClientSettings#channel} says otherwise.
 */
public final class MillraceClient implements AutoCloseable {
  private final Channels channels;
  private final ClientSettings settings;

  private MillraceClient(Channels channels, ClientSettings settings) {
    this.channels = channels;
    this.settings = settings;
  }

  /**
   * Connects when first called, not here.
   *
   * @param targets {@code HOST:PORT}, or several between commas: when one fails, the next one's
   *     turn comes
   */
  public static MillraceClient connect(String targets) {
    return connect(Target.parseAll(targets), ClientSettings.defaults());
  }

  /** Connects when first called, not here. */
  public static MillraceClient connect(List<Target> targets, ClientSettings settings) {
    return new MillraceClient(new Channels(targets, settings), settings);
  }

  /**
   * Streams a generation. When the server goes away in mid-stream, the stream goes on by Resume on
   * the next target, with nothing repeated or lost; the subscriber notices a pause.
   */
  public Flux<GenerateResponse> generate(GenerateRequest request) {
    return Flux.defer(
        () -> {
          Progress progress = new Progress(request);
          Deadline deadline = settings.deadline().map(MillraceClient::after).orElse(null);
          Attempts attempts =
              new Attempts(
                  channels, settings.retries(), deadline, progress::events, progress::hasOutput);
          return Flux.defer(
                  () ->
                      new CallFlux<>(
                          attempts.choice().channel(),
                          TextGenerationServiceGrpc.getGenerateMethod(),
                          CallOptions.DEFAULT.withDeadline(deadline),
                          Mono.just(progress.nextRequest()),
                          settings.silenceTimeout()))
              .<GenerateResponse>handle(
                  (event, sink) -> progress.accept(event).ifPresent(sink::next))
              .doOnComplete(progress::requireComplete)
              .onErrorComplete(failure -> progress.isComplete())
              .retryWhen(attempts.policy(progress::canGoOn));
        });
  }

  /** Generates to the end and answers once. */
  public Mono<GenerateOnceResponse> generateOnce(GenerateRequest request) {
    return call(
        TextGenerationServiceGrpc.getGenerateOnceMethod(),
        GenerateOnceRequest.newBuilder().setRequest(request).build(),
        settings.deadline());
  }

  /**
   * Holds a conversation: commands, of which the first one opens it, to the events of its turns. It
   * ends behind the last turn when the commands have, and isn't taken up again when the server goes
   * away: its history opens another one.
   *
   * @param commands asked for one at a time; a failure of theirs cancels the call
   */
  public Flux<ConverseResponse> converse(Publisher<ConverseRequest> commands) {
    return Flux.defer(
        () ->
            new CallFlux<>(
                channels.current().channel(),
                TextGenerationServiceGrpc.getConverseMethod(),
                CallOptions.DEFAULT.withDeadline(
                    settings.deadline().map(MillraceClient::after).orElse(null)),
                commands,
                Optional.empty()));
  }

  public Mono<TokenizeResponse> tokenize(TokenizeRequest request) {
    return lookup(TokenizationServiceGrpc.getTokenizeMethod(), request);
  }

  public Mono<DetokenizeResponse> detokenize(DetokenizeRequest request) {
    return lookup(TokenizationServiceGrpc.getDetokenizeMethod(), request);
  }

  public Mono<RenderChatResponse> renderChat(RenderChatRequest request) {
    return lookup(TokenizationServiceGrpc.getRenderChatMethod(), request);
  }

  public Mono<List<Model>> listModels() {
    return lookup(ModelServiceGrpc.getListModelsMethod(), ListModelsRequest.getDefaultInstance())
        .map(ListModelsResponse::getModelsList);
  }

  /**
   * @param model empty is the default model
   */
  public Mono<Model> getModel(String model) {
    return lookup(
            ModelServiceGrpc.getGetModelMethod(),
            GetModelRequest.newBuilder().setModel(model).build())
        .map(GetModelResponse::getModel);
  }

  /**
   * @param model empty is the default model
   */
  public Mono<EngineStats> engineStats(String model) {
    return lookup(
            EngineServiceGrpc.getGetEngineStatsMethod(),
            GetEngineStatsRequest.newBuilder().setModel(model).build())
        .map(GetEngineStatsResponse::getStats);
  }

  private <Q, P> Mono<P> lookup(MethodDescriptor<Q, P> method, Q request) {
    return call(method, request, Optional.of(settings.lookupDeadline()));
  }

  /** One answer or none came, so a call of this kind can always be made again. */
  private <Q, P> Mono<P> call(MethodDescriptor<Q, P> method, Q request, Optional<Duration> limit) {
    return Mono.defer(
        () -> {
          Deadline deadline = limit.map(MillraceClient::after).orElse(null);
          Attempts attempts =
              new Attempts(channels, settings.retries(), deadline, () -> 0, () -> false);
          return Flux.defer(
                  () ->
                      new CallFlux<>(
                          attempts.choice().channel(),
                          method,
                          CallOptions.DEFAULT.withDeadline(deadline),
                          Mono.just(request),
                          Optional.empty()))
              .single()
              .onErrorMap(NoSuchElementException.class, MillraceClient::noAnswer)
              .retryWhen(attempts.policy(() -> true));
        });
  }

  private static MillraceException noAnswer(NoSuchElementException e) {
    return new MillraceException(
        Status.Code.INTERNAL, "the server ended the call without an answer");
  }

  private static Deadline after(Duration limit) {
    return Deadline.after(limit.toNanos(), TimeUnit.NANOSECONDS);
  }

  /**
   * Lets running calls end for two seconds, then ends them. Blocks meanwhile: not to be called from
   * a signal.
   */
  @Override
  public void close() {
    channels.close();
  }
}
