package dev.millrace.grpc;

import dev.millrace.v1.EngineServiceGrpc;
import dev.millrace.v1.ModelServiceGrpc;
import dev.millrace.v1.TextGenerationServiceGrpc;
import dev.millrace.v1.TokenizationServiceGrpc;
import io.grpc.BindableService;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.protobuf.services.HealthStatusManager;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * grpc.health.v1: SERVING while models are published and every engine makes steps, until the server
 * drains. The whole server and each of its services say the same.
 */
final class Health {
  private static final List<String> SERVICES =
      List.of(
          HealthStatusManager.SERVICE_NAME_ALL_SERVICES,
          TextGenerationServiceGrpc.SERVICE_NAME,
          TokenizationServiceGrpc.SERVICE_NAME,
          ModelServiceGrpc.SERVICE_NAME,
          EngineServiceGrpc.SERVICE_NAME);

  private final ServedModels models;
  private final HealthStatusManager manager = new HealthStatusManager();
  private final AtomicBoolean draining = new AtomicBoolean();

  Health(ServedModels models) {
    this.models = models;
    refresh();
  }

  BindableService service() {
    return manager.getHealthService();
  }

  /** Looks at the engines again. */
  void refresh() {
    boolean serving =
        !models.isEmpty() && models.all().stream().allMatch(model -> model.engine().isAlive());
    for (String service : SERVICES) {
      manager.setStatus(service, serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
    }
  }

  /** NOT_SERVING for good. */
  void drain() {
    if (draining.compareAndSet(false, true)) {
      manager.enterTerminalState();
    }
  }
}
