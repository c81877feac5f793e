import dev.millrace.gguf.GgufFile;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.Team;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kv.BlockTable;
import dev.millrace.kv.KvPool;
import dev.millrace.network.Chunk;
import dev.millrace.network.Network;
import dev.millrace.network.NetworkConfig;
import dev.millrace.network.StepLimits;
import dev.millrace.trace.NpyProbe;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** MODEL.gguf FOLDER ID...: runs the ids as one chunk, and writes every intermediate tensor. */
class DumpTensors {
  public static void main(String[] arguments) throws Exception {
    Path folder = Path.of(arguments[1]);
    int[] ids = Arrays.stream(arguments).skip(2).mapToInt(Integer::parseInt).toArray();
    Kernels kernels = new ScalarKernels();
    try (GgufFile file = GgufFile.open(Path.of(arguments[0]));
        Team team = Team.of(2);
        Network network =
            Network.load(file, kernels, team, new StepLimits(ids.length, ids.length, ids.length))) {
      NetworkConfig config = network.config();
      try (KvPool pool =
          new KvPool(
              config.layers(), config.kvHeads(), config.headDim(), ids.length / 32 + 1, 32)) {
        BlockTable blocks = new BlockTable();
        for (int i = 0; i < pool.blocks(); i++) {
          blocks.append(i);
        }
        network.probe(new NpyProbe(folder, name -> true));
        network.forward(List.of(new Chunk(ids, 0, ids.length, 0, blocks, ids.length)), pool);
      }
    }
  }
}
