package dev.millrace.config;

import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kv.KvType;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a server runs with. What each part means, its range and its default are said once, in {@link
 * SettingsTable}.
 *
 * @param models references as {@code --model} has them, the default model first; none is the
 *     catalogue's default
 * @param port 0 is any free one
 * @param apiKeys the file that they are in; empty: callers need none
 */
public record ServerSettings(
    List<String> models,
    Path modelCache,
    String host,
    int port,
    Optional<Path> apiKeys,
    int kvCacheMib,
    KvType kvType,
    int threads,
    String kernels,
    String isa,
    ActivationPrecision activations,
    int maxBatchTokens,
    int maxWaiting,
    int maxWaitingTokens,
    int maxRunning,
    Duration stepTarget,
    Duration stallTimeout,
    Duration priorityAgeing,
    int maxDraft,
    Duration warmUp,
    Duration drainGrace,
    Duration stepTimeout) {

  public ServerSettings {
    if (maxRunning > maxBatchTokens) {
      // Every running request needs a row in every step, or it would be passed over.
      throw new InvalidSettingException(
          SettingsTable.MAX_RUNNING.flag(),
          "%d; allowed is at most %s, %d"
              .formatted(maxRunning, SettingsTable.MAX_BATCH_TOKENS.flag(), maxBatchTokens));
    }
  }

  /**
   * Reads settings from what was given.
   *
   * @param flags the texts given for each flag: {@code "--port" -> ["9090"]}
   * @param environment variables of the process
   * @throws InvalidSettingException naming the flag or variable at fault and what is allowed
   */
  public static ServerSettings read(
      Map<String, List<String>> flags, Map<String, String> environment) {
    int maxBatchTokens = SettingsTable.MAX_BATCH_TOKENS.value(flags, environment);
    int maxRunning =
        SettingsTable.MAX_RUNNING
            .given(flags, environment)
            .orElseGet(
                () ->
                    Math.min(SettingsTable.MAX_RUNNING.value(Map.of(), Map.of()), maxBatchTokens));
    return new ServerSettings(
        SettingsTable.MODEL.value(flags, environment),
        SettingsTable.MODEL_CACHE.value(flags, environment),
        SettingsTable.HOST.value(flags, environment),
        SettingsTable.PORT.value(flags, environment),
        SettingsTable.API_KEYS.value(flags, environment),
        SettingsTable.KV_CACHE_MIB.value(flags, environment),
        SettingsTable.KV_TYPE.value(flags, environment),
        SettingsTable.THREADS.value(flags, environment),
        SettingsTable.KERNELS.value(flags, environment),
        SettingsTable.ISA.value(flags, environment),
        SettingsTable.ACTIVATIONS.value(flags, environment),
        maxBatchTokens,
        SettingsTable.MAX_WAITING.value(flags, environment),
        SettingsTable.MAX_WAITING_TOKENS.value(flags, environment),
        maxRunning,
        SettingsTable.STEP_TARGET.value(flags, environment),
        SettingsTable.STALL_TIMEOUT.value(flags, environment),
        SettingsTable.PRIORITY_AGEING.value(flags, environment),
        SettingsTable.SPECULATE.value(flags, environment),
        SettingsTable.WARM_UP.value(flags, environment),
        SettingsTable.DRAIN_GRACE.value(flags, environment),
        SettingsTable.STEP_TIMEOUT.value(flags, environment));
  }
}
