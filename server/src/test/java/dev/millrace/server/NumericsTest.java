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
  private static final Map<String, Pinned> VERSION_2 =
      Map.of(
          "synthetic:tiny:Q4_1", new Pinned("bda37be555eadf5c", "1f8d71bf85f66dc7"),
          "synthetic:tiny:Q8_0", new Pinned("69fdc199e49fe8d6", "473c36c39210baea"),
          "synthetic:tiny:F32", new Pinned("3fedc8c2feb443c1", "95b74885d587afb4"));

  private record Pinned(String fingerprint, String answer) {}

  @Test
  void theBitsAreThoseOfTheVersion() throws Exception {
    assertThat(Numerics.VERSION).isEqualTo(2);
    Map<String, List<String>> flags =
        Map.of("--model", List.copyOf(VERSION_2.keySet()), "--kv-type", List.of("f32"));
    try (MillraceServer server = Servers.start(flags)) {
      ManagedChannel channel = Servers.channel(server);
      Map<String, Pinned> now = new TreeMap<>();
      for (String name : VERSION_2.keySet()) {
        now.put(name, new Pinned(fingerprint(channel, name), answer(channel, name)));
      }
      assertThat(now).isEqualTo(VERSION_2);
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
    request
        .getSamplingBuilder()
        .setTemperature(0.9f)
        .setTopK(200)
        .setTopP(0.9f)
        .setMinP(0.02f)
        .setRepetitionPenalty(1.1f)
        .setFrequencyPenalty(0.1f)
        .setPresencePenalty(0.1f)
        .setSeed(1);
    request.getOutputBuilder().setTokens(true).setLogprobs(true).setTopCandidates(3);
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    MillraceServerTest.stub(channel)
        .generate(request.build())
        .forEachRemaining(response -> digest.update(response.getDelta().toByteArray()));
    return HexFormat.of().formatHex(digest.digest()).substring(0, 16);
  }
}
