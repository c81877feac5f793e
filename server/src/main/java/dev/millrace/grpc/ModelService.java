package dev.millrace.grpc;

import dev.millrace.v1.GetModelRequest;
import dev.millrace.v1.GetModelResponse;
import dev.millrace.v1.ListModelsRequest;
import dev.millrace.v1.ListModelsResponse;
import dev.millrace.v1.ModelServiceGrpc.ModelServiceImplBase;
import io.grpc.stub.StreamObserver;
import reactor.core.publisher.Mono;

/** What is served. */
final class ModelService extends ModelServiceImplBase {
  private final ServedModels models;

  ModelService(ServedModels models) {
    this.models = models;
  }

  @Override
  public void listModels(ListModelsRequest request, StreamObserver<ListModelsResponse> observer) {
    Mono.fromCallable(
            () ->
                ListModelsResponse.newBuilder()
                    .addAllModels(models.all().stream().map(ServedModel::description).toList())
                    .build())
        .subscribe(new DemandBridge<>(observer));
  }

  @Override
  public void getModel(GetModelRequest request, StreamObserver<GetModelResponse> observer) {
    Mono.fromCallable(
            () ->
                GetModelResponse.newBuilder()
                    .setModel(models.find(request.getModel()).description())
                    .build())
        .subscribe(new DemandBridge<>(observer));
  }
}
