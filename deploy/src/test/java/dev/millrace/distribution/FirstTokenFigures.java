package dev.millrace.distribution;

import dev.millrace.client.MillraceClient;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.StopCriteria;
import dev.millrace.v1.TokenIds;
import java.util.Arrays;
import java.util.Random;

/**
 * How long a server's first request waits for its first token, and how long later ones: prompts of
 * 1,000 tokens of the default model, each another, to servers that say that they serve. The first
 * server warms this client up and isn't counted. Not a test: run it from a shell, in deploy, alone
 * on the machine:
 *
 * <pre>
 *   mvn -q test-compile exec:exec -Dexec.executable=java -Dexec.classpathScope=test \
 *     -Dexec.args="-cp %classpath dev.millrace.distribution.FirstTokenFigures [SERVERS]"
 * </pre>
 */
final class FirstTokenFigures {
  private static final int PROMPT_TOKENS = 1_000;
  private static final int LATER_REQUESTS = 15;
  private static final int IDS = 40_000; // all of them plain tokens

  private final Random random = new Random(1);

  private FirstTokenFigures() {}

  public static void main(String[] arguments) throws Exception {
    int servers = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 5;
    FirstTokenFigures figures = new FirstTokenFigures();
    figures.measure();
    double[] ratios = new double[servers];
    for (int i = 0; i < servers; i++) {
      ratios[i] = figures.measure();
    }
    Arrays.sort(ratios);
    System.out.printf("median of %d: %.2f%n", servers, ratios[servers / 2]);
  }

  /** The first request's time by the others' median. */
  private double measure() throws Exception {
    try (ServeProcess server = ServeProcess.ofDefaultModel();
        MillraceClient client = MillraceClient.connect(server.target())) {
      client.listModels().block(); // connects
      double first = millisToFirstToken(client);
      double[] later = new double[LATER_REQUESTS];
      Arrays.setAll(later, _ -> millisToFirstToken(client));
      double second = later[0];
      Arrays.sort(later);
      double warm = later[LATER_REQUESTS / 2];
      System.out.printf(
          "first %.0f ms, second %.0f ms, later %.0f ms: %.2f%n",
          first, second, warm, first / warm);
      return first / warm;
    }
  }

  private double millisToFirstToken(MillraceClient client) {
    TokenIds.Builder prompt = TokenIds.newBuilder();
    random.ints(PROMPT_TOKENS, 100, IDS).forEach(prompt::addIds);
    GenerateRequest request =
        GenerateRequest.newBuilder()
            .setTokenIds(prompt)
            .setStop(StopCriteria.newBuilder().setMaxTokens(1).setIgnoreEos(true))
            .build();
    long begun = System.nanoTime();
    client.generate(request).filter(GenerateResponse::hasDelta).blockFirst();
    return (System.nanoTime() - begun) / 1e6;
  }
}
