package dev.millrace.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.common.util.concurrent.Uninterruptibles;
import dev.millrace.engine.Await;
import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.StepPlan;
import dev.millrace.v1.TextGenerationServiceGrpc;
import io.grpc.Status.Code;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

class HealthTest {
  @Test
  void aServerIsServingOnceItHasModels() throws Exception {
    try (Loopback loopback = Loopback.starting()) {
      assertThat(health(loopback, "")).isEqualTo(ServingStatus.NOT_SERVING);

      loopback.serve(request -> Flux.never());

      assertThat(health(loopback, "")).isEqualTo(ServingStatus.SERVING);
      assertThat(health(loopback, TextGenerationServiceGrpc.SERVICE_NAME))
          .isEqualTo(ServingStatus.SERVING);
      assertThat(Errors.of(() -> health(loopback, "other")).code()).isEqualTo(Code.NOT_FOUND);
    }
  }

  @Test
  void aDeadEngineIsNotServingAndFailsItsStreams() throws Exception {
    try (Loopback loopback = Loopback.hashing(HealthTest::die)) {
      assertThat(health(loopback, "")).isEqualTo(ServingStatus.SERVING);

      Errors error =
          Errors.of(
              () ->
                  loopback
                      .blocking()
                      .generate(Loopback.request("Hello", 5))
                      .forEachRemaining(r -> {}));

      assertThat(error.code()).isEqualTo(Code.UNAVAILABLE);
      assertThat(error.reason()).isEqualTo("ENGINE_DOWN");
      Await.until("health tells", () -> health(loopback, "") == ServingStatus.NOT_SERVING);
    }
  }

  @Test
  void anEngineWhoseStepHangsIsNotServingAndFailsItsStreams() throws Exception {
    CountDownLatch forever = new CountDownLatch(1);
    EngineSettings all = Loopback.SETTINGS;
    EngineSettings impatient =
        new EngineSettings(
            all.kvBlocks(),
            all.blockSize(),
            all.maxBatchTokens(),
            all.maxRunning(),
            all.maxWaiting(),
            Duration.ofMillis(100));
    try (Loopback loopback =
        Loopback.hashing(impatient, plan -> Uninterruptibles.awaitUninterruptibly(forever))) {
      Errors error =
          Errors.of(
              () ->
                  loopback
                      .blocking()
                      .generate(Loopback.request("Hello", 5))
                      .forEachRemaining(r -> {}));

      assertThat(error.code()).isEqualTo(Code.UNAVAILABLE);
      assertThat(error.reason()).isEqualTo("ENGINE_DOWN");
      Await.until("health tells", () -> health(loopback, "") == ServingStatus.NOT_SERVING);
      forever.countDown();
    }
  }

  @Test
  void aServerThatDrainsIsNotServingButFinishesItsStreams() throws Exception {
    try (Loopback loopback = Loopback.hashing()) {
      var responses = loopback.blocking().generate(Loopback.request("Hello", 400));
      responses.next();

      loopback.engine.drain();
      loopback.server.drain();

      assertThat(health(loopback, "")).isEqualTo(ServingStatus.NOT_SERVING);
      loopback.server.refreshHealth(); // a late look changes nothing
      assertThat(health(loopback, "")).isEqualTo(ServingStatus.NOT_SERVING);
      Errors refused =
          Errors.of(() -> loopback.blocking().generate(Loopback.request("World", 5)).next());
      assertThat(refused.code()).isEqualTo(Code.UNAVAILABLE);
      assertThat(refused.reason()).isEqualTo("DRAINING");
      int[] rest = {0};
      responses.forEachRemaining(response -> rest[0]++);
      assertThat(rest[0]).isEqualTo(403);
      assertThat(loopback.server.finish(Duration.ofSeconds(10))).isTrue();
    }
  }

  private static void die(StepPlan plan) {
    throw new IllegalStateException("the test's model breaks");
  }

  private static ServingStatus health(Loopback loopback, String service) {
    return HealthGrpc.newBlockingStub(loopback.channel)
        .check(HealthCheckRequest.newBuilder().setService(service).build())
        .getStatus();
  }
}
