package dev.millrace.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.kernel.Numerics;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GetModelRequest;
import dev.millrace.v1.ModelServiceGrpc;
import io.grpc.ManagedChannel;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * Answers are pinned to {@link Numerics#VERSION}, by which servers decide whether one can go on
 * with another's stream. When this fails, the bits have changed: raise the version and pin them
 * anew. (Or the synthetic model has: then its fingerprint fails first, and the version stays.)
 */
class NumericsTest {
  private static final Map<String, Pinned> VERSION_1 =
      Map.of(
          "synthetic:tiny:Q4_1", new Pinned("bda37be555eadf5c", "2c8535abdacc536a"),
          "synthetic:tiny:Q8_0", new Pinned("69fdc199e49fe8d6", "253b439a0642bfdc"),
          "synthetic:tiny:F32", new Pinned("3fedc8c2feb443c1", "069eda27f6bdc72c"));

  private record Pinned(String fingerprint, String answer) {}

  @Test
  void theBitsAreThoseOfTheVersion() throws Exception {
    assertThat(Numerics.VERSION).isEqualTo(1);
    Map<String, List<String>> models = Map.of("--model", List.copyOf(VERSION_1.keySet()));
    try (MillraceServer server = Servers.start(models)) {
      ManagedChannel channel = Servers.channel(server);
      Map<String, Pinned> now = new TreeMap<>();
      for (String name : VERSION_1.keySet()) {
        now.put(name, new Pinned(fingerprint(channel, name), answer(channel, name)));
      }
      assertThat(now).isEqualTo(VERSION_1);
      channel.shutdownNow();
    }
  }

  private static String fingerprint(ManagedChannel channel, String name) {
    return ModelServiceGrpc.newBlockingStub(channel)
        .getModel(GetModelRequest.newBuilder().setModel(name).build())
        .getModel()
        .getFingerprint()
        .substring(0, 16);
  }

  /** A digest of drawn tokens and of the bits of their log-probabilities and candidates. */
  private static String answer(ManagedChannel channel, String name) throws Exception {
    GenerateRequest.Builder request =
        MillraceServerTest.request("It is easy", 60).toBuilder().setModel(name);
    request.getSamplingBuilder().setTemperature(1).setSeed(1);
    request.getOutputBuilder().setTokens(true).setLogprobs(true).setTopCandidates(3);
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    MillraceServerTest.stub(channel)
        .generate(request.build())
        .forEachRemaining(response -> digest.update(response.getDelta().toByteArray()));
    return HexFormat.of().formatHex(digest.digest()).substring(0, 16);
  }
}
