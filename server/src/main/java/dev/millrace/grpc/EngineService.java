package dev.millrace.grpc;

import com.google.protobuf.Timestamp;
import dev.millrace.engine.EngineSnapshot;
import dev.millrace.v1.EngineServiceGrpc.EngineServiceImplBase;
import dev.millrace.v1.EngineStats;
import dev.millrace.v1.GetEngineStatsRequest;
import dev.millrace.v1.GetEngineStatsResponse;
import io.grpc.stub.StreamObserver;
import java.time.Instant;
import reactor.core.publisher.Mono;

/** How an engine is doing. */
final class EngineService extends EngineServiceImplBase {
  private final ServedModels models;

  EngineService(ServedModels models) {
    this.models = models;
  }

  @Override
  public void getEngineStats(
      GetEngineStatsRequest request, StreamObserver<GetEngineStatsResponse> observer) {
    Mono.fromCallable(
            () ->
                GetEngineStatsResponse.newBuilder()
                    .setStats(stats(models.find(request.getModel()).engine().snapshot()))
                    .build())
        .subscribe(new DemandBridge<>(observer));
  }

  private static EngineStats stats(EngineSnapshot snapshot) {
    Instant at = snapshot.at();
    return EngineStats.newBuilder()
        .setAt(Timestamp.newBuilder().setSeconds(at.getEpochSecond()).setNanos(at.getNano()))
        .setWaitingSequences(snapshot.waitingSequences())
        .setRunningSequences(snapshot.runningSequences())
        .setStalledSequences(snapshot.stalledSequences())
        .setKvBlocksTotal(snapshot.kvBlocksTotal())
        .setKvBlocksInUse(snapshot.kvBlocksInUse())
        .setKvBlocksCached(snapshot.kvBlocksCached())
        .setKvBlockSize(snapshot.kvBlockSize())
        .setWaitingPromptTokens(snapshot.waitingPromptTokens())
        .setPredictedQueueSeconds(snapshot.predictedQueueSeconds())
        .setPromptTokens(snapshot.promptTokens())
        .setCachedPromptTokens(snapshot.cachedPromptTokens())
        .setPrefillTokensComputed(snapshot.prefillTokensComputed())
        .setRecomputedTokens(snapshot.recomputedTokens())
        .setCompletionTokens(snapshot.completionTokens())
        .setDraftedTokens(snapshot.draftedTokens())
        .setAcceptedDraftTokens(snapshot.acceptedDraftTokens())
        .setSteps(snapshot.steps())
        .setPreemptions(snapshot.preemptions())
        .setRequestsFinished(snapshot.requestsFinished())
        .setRequestsCancelled(snapshot.requestsCancelled())
        .setRequestsRejected(snapshot.requestsRejected())
        .setRequestsFailed(snapshot.requestsFailed())
        .build();
  }
}
