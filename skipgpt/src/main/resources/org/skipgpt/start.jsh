// What ./run shell begins with.
import java.nio.file.*;
import java.util.*;
import java.util.stream.*;
import org.skipgpt.*;
import org.skipgpt.data.*;
import org.skipgpt.model.*;
import org.skipgpt.plot.*;
import org.skipgpt.report.*;
import org.skipgpt.torch.*;
import static org.skipgpt.SkipGpt.*;
