package dev.millrace.distribution;

import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Asks a running server's gRPC health service; container health checks call this. */
@Command(
    name = "health",
    mixinStandardHelpOptions = true,
    description = "Asks a running server whether it is serving; exits with 0 if so, else with 1.")
final class HealthCommand implements Callable<Integer> {
  private static final int ANSWER_SECONDS = 5;

  @Option(
      names = "--target",
      paramLabel = "HOST:PORT",
      description = "The server. Default: ${DEFAULT-VALUE}.")
  private String target = "127.0.0.1:9090";

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    ManagedChannel channel =
        Grpc.newChannelBuilder(target, InsecureChannelCredentials.create()).build();
    try {
      ServingStatus status =
          HealthGrpc.newBlockingStub(channel)
              .withDeadlineAfter(ANSWER_SECONDS, TimeUnit.SECONDS)
              .check(HealthCheckRequest.getDefaultInstance())
              .getStatus();
      spec.commandLine().getOut().println(status);
      return status == ServingStatus.SERVING ? 0 : 1;
    } catch (StatusRuntimeException e) {
      throw new IllegalStateException(target + ": " + e.getStatus(), e);
    } finally {
      channel.shutdownNow();
    }
  }
}
