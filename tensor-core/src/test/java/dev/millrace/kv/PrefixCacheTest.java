package dev.millrace.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.kv.PrefixCache.Node;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PrefixCacheTest {
  private static final int BLOCK_SIZE = 2;
  private static final PrefixHash HASH = new PrefixHash(1, 64);
  private static final String SALT = "";

  private final PrefixCache cache = new PrefixCache(4, BLOCK_SIZE);

  private static long name(String salt, int... tokens) {
    return name(HASH, salt, tokens);
  }

  /** Of the last block of tokens. */
  private static long name(PrefixHash hash, String salt, int... tokens) {
    long name = hash.root(salt);
    for (int from = 0; from < tokens.length; from += BLOCK_SIZE) {
      name = hash.next(name, tokens, from, BLOCK_SIZE);
    }
    return name;
  }

  /** Shares the last block of tokens, freshly allocated. */
  private Node share(Node parent, int... tokens) {
    int from = tokens.length - BLOCK_SIZE;
    return cache.share(parent, SALT, name(SALT, tokens), tokens, from, cache.allocate());
  }

  @Test
  void aBlockIsFoundBehindTheSameTokensOnly() {
    Node first = share(null, 1, 2);
    Node second = share(first, 1, 2, 3, 4);

    assertThat(cache.find(null, SALT, name(SALT, 1, 2), new int[] {1, 2}, 0)).isSameAs(first);
    int[] all = {1, 2, 3, 4};
    assertThat(cache.find(first, SALT, name(SALT, all), all, 2)).isSameAs(second);
    assertThat(cache.find(null, SALT, name(SALT, 3, 4), new int[] {3, 4}, 0)).isNull();
    assertThat(cache.find(null, SALT, name(SALT, all), all, 2)).isNull();
  }

  @Test
  void anotherSaltFindsNothing() {
    share(null, 1, 2);

    assertThat(cache.find(null, "b", name("b", 1, 2), new int[] {1, 2}, 0)).isNull();
    assertThat(cache.find(null, "b", name(SALT, 1, 2), new int[] {1, 2}, 0)).isNull();
  }

  @Test
  void aNameThatIsTakenByOtherTokensLeaksNothingAndSharesNothing() {
    int block = cache.allocate();
    Node first = cache.share(null, SALT, 7, new int[] {1, 2}, 0, block);
    int other = cache.allocate();

    assertThat(cache.find(null, SALT, 7, new int[] {3, 4}, 0)).isNull();
    assertThat(cache.share(null, SALT, 7, new int[] {3, 4}, 0, other)).isNull();
    assertThat(cache.find(null, SALT, 7, new int[] {1, 2}, 0)).isSameAs(first);
    assertThat(cache.isShared(other)).isFalse();
  }

  @Test
  void anEqualBlockTakesThePlaceOfOneThatWasComputedBeside() {
    Node first = share(null, 1, 2);
    Node again = share(null, 1, 2);

    assertThat(again).isSameAs(first);
    assertThat(cache.references(first.block())).isEqualTo(3); // two tables and the cache
    assertThat(cache.free()).isEqualTo(3);
  }

  @Test
  void idleBlocksAreGivenUpInOrderOfUseChildrenFirst() {
    Node a = share(null, 1, 2);
    Node b = share(a, 1, 2, 3, 4);
    Node other = share(null, 9, 9);
    cache.release(b.block());
    cache.release(a.block());
    cache.release(other.block());
    cache.retain(a); // used again, without its child
    cache.release(a.block());
    assertThat(cache.available()).isEqualTo(4);
    cache.check(new int[4]);

    cache.allocate(); // the free one
    assertThat(cache.allocate()).isEqualTo(b.block());
    assertThat(cache.allocate()).isEqualTo(other.block());
    assertThat(cache.allocate()).isEqualTo(a.block());
    assertThatThrownBy(cache::allocate).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void whatATableHoldsIsNotGivenUp() {
    Node held = share(null, 1, 2);
    int[] others = IntStream.range(0, 3).map(i -> cache.allocate()).toArray();

    assertThat(others).doesNotContain(held.block());
    assertThat(cache.available()).isZero();
  }

  @Test
  void namesDependOnTheSecretTheSaltAndEverythingInFront() {
    assertThat(name(SALT, 1, 2, 3, 4))
        .isNotEqualTo(name(SALT, 2, 1, 3, 4))
        .isNotEqualTo(name("b", 1, 2, 3, 4))
        .isNotEqualTo(name(new PrefixHash(2, 64), SALT, 1, 2, 3, 4));
    assertThat(name(new PrefixHash(1, 3), SALT, 1, 2)).isBetween(0L, 7L);
  }
}
