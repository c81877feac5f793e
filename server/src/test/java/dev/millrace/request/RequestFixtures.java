package dev.millrace.request;

import dev.millrace.v1.GenerateRequest;
import java.util.Optional;

/** A small model, a reader whose randomness counts upwards, and the simplest request. */
final class RequestFixtures {
  static final ModelProfile MODEL =
      ModelProfile.of(
          "tiny", "ab".repeat(32), new ByteTokenizer(), 100, 64, SamplingDefaults.OF_CONTRACT);

  private RequestFixtures() {}

  static GenerateRequest hello() {
    return GenerateRequest.newBuilder().setText("Hello").build();
  }

  static RequestReader reader() {
    long[] counter = {41};
    return new RequestReader(() -> ++counter[0]);
  }

  static AcceptedRequest read(GenerateRequest request) {
    return reader().read(request, MODEL, Optional.empty());
  }
}
