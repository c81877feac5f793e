package dev.millrace.distribution;

import static dev.millrace.distribution.Launcher.complaints;
import static dev.millrace.distribution.Launcher.millrace;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import dev.millrace.v1.GenerateResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each command once, by the launcher of the distribution. */
class CommandsIT {
  @Test
  void helpNamesEveryCommand() {
    Command.Result help = millrace("--help").run();

    assertThat(help.exitCode()).isZero();
    assertThat(help.out())
        .contains(
            "generate",
            "chat",
            "render",
            "serve",
            "tokenize",
            "models",
            "bench",
            "bench-step",
            "health")
        .contains("eval", "trace");
  }

  @Test
  void serveHelpShowsEverySettingWithItsEnvironmentVariable() {
    Command.Result help = millrace("serve", "--help").run();

    assertThat(help.out())
        .contains("--model=M", "--host=H", "--kv-cache-mib=N", "--threads=N")
        .contains("--port", "9090", "--max-batch-tokens=N", "--max-waiting=N", "--drain-grace")
        .contains("MILLRACE_MODEL", "MILLRACE_PORT", "MILLRACE_KV_CACHE_MIB");
  }

  @Test
  void generateStreamsTextToStandardOutputAndNothingElseThere() {
    String[] arguments = {
      "generate", "It is easy", "--model", TinyServer.MODEL, "--max-tokens", "12"
    };

    Command.Result first = millrace(arguments).run();
    Command.Result again = millrace(arguments).run();

    assertThat(first.exitCode()).as(first.err()).isZero();
    assertThat(first.out()).isNotBlank().isEqualTo(again.out());
    assertThat(complaints(first)).isEmpty();
  }

  @Test
  void generateAsJsonPrintsOneEventALine() {
    Command.Result result =
        millrace(
                "generate",
                "It is easy",
                "--model",
                TinyServer.MODEL,
                "--max-tokens",
                "5",
                "--json")
            .run();

    List<GenerateResponse> events = result.out().lines().map(CommandsIT::event).toList();
    assertThat(events.getFirst().hasStarted()).isTrue();
    assertThat(events.getLast().getSummary().getUsage().getCompletionTokens()).isEqualTo(5);
  }

  @Test
  void tokenizePrintsJustTheIdsOnOneLine() {
    Path vocabulary = Command.PROJECT.resolve("../shared/data/vocab/ggml-vocab-llama-bpe.gguf");
    if (!Files.exists(vocabulary)) {
      throw Command.skip(vocabulary + " isn't here");
    }

    Command.Result ids =
        millrace("tokenize", "Hello, world!", "--model", vocabulary.toString(), "--ids").run();

    assertThat(ids.exitCode()).as(ids.err()).isZero();
    assertThat(ids.out()).isEqualTo("9906 11 1917 0\n");
  }

  @Test
  void tokenizeShowsPiecesAndWhereTheyStand() {
    Command.Result table = millrace("tokenize", "é\n", "--model", TinyServer.MODEL).run();

    assertThat(table.out().lines().skip(1).map(line -> line.replaceFirst("^\\d+\\s+", "")))
        .containsExactly("0-1    \"\\xC3\"", "1-2    \"\\xA9\"", "2-3    \"\\n\"");
  }

  @Test
  void argumentsAreTakenAsTheyAreWhateverTheLocale() {
    String text = "@pom.xml é";

    Command.Result ids =
        millrace("tokenize", text, "--model", TinyServer.MODEL, "--ids").with("LC_ALL", "C").run();

    assertThat(ids.out()).isEqualTo("64 112 111 109 46 120 109 108 32 195 169\n");
  }

  @Test
  void modelsListNamesTheDefaultModelAndWhereItIsKept() {
    Command.Result list = millrace("models", "list", "--model-cache", "/nowhere").run();

    assertThat(list.out())
        .contains("smollm2-135m-instruct", "/nowhere/SmolLM2-135M-Instruct.Q4_1.gguf");
  }

  @Test
  void modelsInspectShowsMetadataAndTensors() {
    Command.Result model = millrace("models", "inspect", TinyServer.MODEL).run();

    assertThat(model.exitCode()).as(model.err()).isZero();
    assertThat(model.out().lines())
        .anyMatch(line -> line.matches("llama\\.embedding_length +int +64"))
        .anyMatch(line -> line.matches("blk\\.0\\.attn_k\\.weight +F32 +\\[32, 64] +8192"));
  }

  @Test
  void benchStepMeasuresPrefillAndDecodeWithoutAServer() {
    Command.Result bench =
        millrace(
                "bench-step",
                "--model",
                TinyServer.MODEL,
                "--batch",
                "1,3",
                "--prompt",
                "700",
                "--context",
                "90",
                "--threads",
                "2",
                "--profile",
                "--json",
                "-")
            .run();

    assertThat(bench.exitCode()).as(bench.err()).isZero();
    JsonObject report = JsonParser.parseString(bench.out()).getAsJsonObject();
    assertThat(report.keySet()).contains("cpu", "isa", "kernels", "activations", "memory");
    assertThat(report.get("model").getAsString()).isEqualTo("synthetic:tiny:F32");
    List<JsonObject> results =
        report.getAsJsonArray("results").asList().stream().map(e -> e.getAsJsonObject()).toList();
    assertThat(results)
        .extracting(
            result ->
                "%s %s %s %s %s"
                    .formatted(
                        result.get("phase").getAsString(),
                        result.get("batch"),
                        result.get("prompt_tokens"),
                        result.get("context_tokens"),
                        result.get("threads")))
        .containsExactly("prefill 1 700 0 2", "decode 1 0 90 2", "decode 3 0 90 2");
    assertThat(results)
        .allSatisfy(
            result -> {
              assertThat(result.get("tokens_per_second").getAsDouble()).isPositive();
              assertThat(result.getAsJsonArray("profile")).isNotEmpty();
            });
  }

  @Test
  void anExportedModelIsReadBackTheSame(@TempDir Path folder) {
    String file = folder.resolve("tiny.gguf").toString();

    Command.Result export = millrace("models", "export", TinyServer.MODEL, file).run();

    assertThat(export.exitCode()).as(export.err()).isZero();
    assertThat(millrace("models", "inspect", file).run().out())
        .isNotEmpty()
        .isEqualTo(millrace("models", "inspect", TinyServer.MODEL).run().out());
  }

  @Test
  void perplexityEndsWithItsResultAsJson() {
    Command.Result perplexity =
        millrace(
                "eval",
                "perplexity",
                "--model",
                TinyServer.MODEL,
                "--file",
                "LICENSE",
                "--context",
                "128",
                "--chunks",
                "2",
                "--kv-type",
                "f32",
                "--json")
            .run();

    assertThat(perplexity.exitCode()).as(perplexity.err()).isZero();
    List<JsonObject> lines =
        perplexity
            .out()
            .lines()
            .map(line -> JsonParser.parseString(line).getAsJsonObject())
            .toList();
    assertThat(lines).hasSize(3);
    // llama-perplexity, with its cache in F32, prints 724.2920 after these two chunks.
    assertThat(lines.getLast().get("perplexity").getAsDouble()).isCloseTo(724.292, within(0.01));
  }

  @Test
  void traceDiffNamesTheFirstTensorThatDiffers(@TempDir Path folder) {
    String one = folder.resolve("one.npz").toString();
    String other = folder.resolve("other.npz").toString();
    String third = folder.resolve("third.npz").toString();
    trace("1,2,3,4", "f32", one);
    trace("1,2,3,4", "f32", other);
    trace("1,2,3,4", "f16", third);

    Command.Result equal = millrace("trace", "--diff", one, other).run();
    Command.Result different = millrace("trace", "--diff", one, third).run();

    assertThat(equal.exitCode()).as(equal.out()).isZero();
    assertThat(different.exitCode()).isEqualTo(1);
    assertThat(different.out()).startsWith("blk.0.attn: ");
  }

  private static void trace(String ids, String kvType, String file) {
    Command.Result trace =
        millrace(
                "trace",
                "--ids",
                ids,
                "--model",
                TinyServer.MODEL,
                "--kv-type",
                kvType,
                "--out",
                file)
            .run();
    assertThat(trace.exitCode()).as(trace.err()).isZero();
  }

  @Test
  void whatIsDataIsToBeHadAsJson(@TempDir Path folder) {
    String one = folder.resolve("one.npz").toString();
    String other = folder.resolve("other.npz").toString();
    trace("1,2,3,4", "f32", one);
    trace("1,2,3,4", "f16", other);

    List<JsonObject> tokens = json("tokenize", "é", "--model", TinyServer.MODEL, "--json");
    List<JsonObject> models = json("models", "list", "--json");
    List<JsonObject> inspected = json("models", "inspect", TinyServer.MODEL, "--json");
    List<JsonObject> traced =
        json("trace", "é", "--model", TinyServer.MODEL, "--layers", "0", "--json");
    List<JsonObject> difference = json("trace", "--diff", one, other, "--json");

    assertThat(tokens)
        .extracting(JsonObject::toString)
        .containsExactly(
            "{\"id\":195,\"begin\":0,\"end\":1,\"piece\":\"ww==\"}",
            "{\"id\":169,\"begin\":1,\"end\":2,\"piece\":\"qQ==\"}");
    assertThat(models.getFirst().get("name").getAsString()).isEqualTo("smollm2-135m-instruct");
    assertThat(models.getFirst().keySet()).contains("aliases", "bytes", "file", "cached");
    assertThat(inspected)
        .filteredOn(line -> line.toString().contains("\"tokenizer.ggml.tokens\""))
        .singleElement()
        .satisfies(line -> assertThat(line.getAsJsonArray("value")).hasSize(320));
    assertThat(inspected.getLast().keySet()).containsExactly("tensor", "type", "shape", "bytes");
    assertThat(traced)
        .filteredOn(line -> line.get("tensor").getAsString().equals("blk.0.attn"))
        .singleElement()
        .satisfies(line -> assertThat(line.get("rms").getAsDouble()).isPositive());
    assertThat(difference).hasSize(1);
    assertThat(difference.getFirst().getAsJsonObject("differs").get("name").getAsString())
        .isEqualTo("blk.0.attn");
  }

  private static List<JsonObject> json(String... arguments) {
    Command.Result result = millrace(arguments).run();
    assertThat(complaints(result)).as(String.join(" ", arguments)).isEmpty();
    return result
        .out()
        .lines()
        .map(line -> JsonParser.parseString(line).getAsJsonObject())
        .toList();
  }

  @Test
  void whatCantBeHadIsSaidInOneLine() {
    Command.Result unknown = millrace("generate", "x", "--model", "nonesuch").run();

    assertThat(unknown.exitCode()).isEqualTo(1);
    assertThat(unknown.out()).isEmpty();
    assertThat(complaints(unknown).lines())
        .singleElement()
        .asString()
        .startsWith("millrace: ")
        .contains("nonesuch", "smollm2-135m-instruct");
  }

  @Test
  void aWrongSettingIsRefusedByName() {
    Command.Result wrong = millrace("serve", "--port", "70000").run();

    assertThat(wrong.exitCode()).isEqualTo(2);
    assertThat(complaints(wrong)).contains("--port", "65535");
  }

  private static GenerateResponse event(String json) {
    GenerateResponse.Builder event = GenerateResponse.newBuilder();
    try {
      JsonFormat.parser().merge(json, event);
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError("not an event: " + json, e);
    }
    return event.build();
  }
}
