package dev.millrace.request;

import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.Numerics;
import dev.millrace.model.Metadata;
import dev.millrace.v1.GenerateRequest;
import java.time.Clock;
import java.util.Map;
import java.util.Optional;

/** A small model, a reader whose randomness counts upwards, and the simplest request. */
final class RequestFixtures {
  /** Shows everything that a template is given. */
  private static final String CHAT_TEMPLATE =
      "{% for m in messages %}"
          + "{{ m.role }}{{ m.content }}{{ m.name }}{{ m.tool_call_id }}{{ m.tool_calls }}"
          + "{% endfor %}{{ tools }}{{ add_generation_prompt }}{{ x }}";

  static final ModelProfile MODEL = withTemplate(CHAT_TEMPLATE);

  private RequestFixtures() {}

  static ModelProfile withTemplate(String template) {
    ByteTokenizer tokenizer = new ByteTokenizer();
    return ModelProfile.of(
            "tiny",
            "ab".repeat(32),
            tokenizer,
            100,
            64,
            SamplingDefaults.OF_CONTRACT,
            Numerics.of(ActivationPrecision.INT8))
        .with(ChatSupport.of(new Metadata(Map.of("tokenizer.chat_template", template)), tokenizer));
  }

  static GenerateRequest hello() {
    return GenerateRequest.newBuilder().setText("Hello").build();
  }

  static RequestReader reader() {
    long[] counter = {41};
    return new RequestReader(() -> ++counter[0], Clock.systemUTC());
  }

  static AcceptedRequest read(GenerateRequest request) {
    return reader().read(request, MODEL, Optional.empty());
  }
}
