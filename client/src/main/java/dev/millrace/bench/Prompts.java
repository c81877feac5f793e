package dev.millrace.bench;

import dev.millrace.client.MillraceClient;
import dev.millrace.v1.TokenIds;
import dev.millrace.v1.TokenizeRequest;
import dev.millrace.v1.TokenizeResponse;
import java.util.SplittableRandom;

/**
 * Prompts of an exact length. Each is different from its first tokens on, so that no cache of
 * prefixes helps, but for prefixes that are planned. Ids are drawn from those that ordinary text
 * has: never special tokens, whatever the vocabulary.
 */
final class Prompts {
  private static final String WORDS =
      """
      time year people way day man thing woman life child world school state family student group
      country problem hand part place case week company system program question work government
      number night point home water room mother area money story fact month lot right study book
      eye job word business issue side kind head house service friend father power hour game line
      end member law car city community name president team minute idea body information back
      parent face others level office door health person art war history party result change
      morning reason research girl guy moment air teacher force education about above across after
      against along among around before behind below between beyond during except inside outside
      through toward under until upon within without again always another because better different
      early enough every first great however important large little local long many million more
      national never new next often old only open other over political possible public quite real
      several small social special still such sure than that these those though together very well
      where which while white whole young
      """;

  private final int[] ids;
  private final long seed;

  /**
   * @param ids to draw from
   */
  Prompts(int[] ids, long seed) {
    if (ids.length == 0) {
      throw new IllegalArgumentException("the server's tokenizer makes no tokens of English words");
    }
    this.ids = ids.clone();
    this.seed = seed;
  }

  /** Asks the server for the ids of ordinary words. */
  static Prompts ask(MillraceClient client, BenchSettings settings) {
    TokenizeResponse words =
        client
            .tokenize(
                TokenizeRequest.newBuilder()
                    .setModel(settings.model())
                    .setText(WORDS)
                    .setAddSpecialTokens(false)
                    .build())
            .blockOptional()
            .orElseThrow();
    int[] ids =
        words.getTokensList().stream().mapToInt(TokenizeResponse.Token::getId).distinct().toArray();
    return new Prompts(ids, settings.seed());
  }

  /** The same for the same seed, number and plan. */
  TokenIds prompt(long number, PlannedRequest planned) {
    TokenIds.Builder prompt = TokenIds.newBuilder();
    for (long block : planned.prefix()) {
      int room = planned.promptTokens() - prompt.getIdsCount();
      append(prompt, ~block, Math.min(planned.blockTokens(), room));
    }
    append(prompt, number, planned.promptTokens() - prompt.getIdsCount());
    return prompt.build();
  }

  private void append(TokenIds.Builder prompt, long name, int count) {
    SplittableRandom random = new SplittableRandom(seed ^ (name * 0x9E3779B97F4A7C15L));
    for (int i = 0; i < count; i++) {
      prompt.addIds(ids[random.nextInt(ids.length)]);
    }
  }
}
