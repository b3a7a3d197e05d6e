using System.Diagnostics;

namespace PerfCompare.Agent.Model;

/// <summary>
/// One iteration: what it asks, and what it leaves behind in raw form. The transport finds it through
/// the execution context, since the libraries above it pass nothing of ours along.
/// </summary>
internal sealed class Iteration(string runId, long sequence, string prompt, CancellationToken cancelled)
{
    private static readonly AsyncLocal<Iteration?> s_current = new();

    private readonly List<ModelExchange> _exchanges = new(1);

    // Made before the clock starts; an iteration with more calls makes theirs on the way.
    private ModelExchange? _prepared = Prepare(runId, sequence, 1, cancelled);

    public static Iteration? Current
    {
        get => s_current.Value;
        set => s_current.Value = value;
    }

    public string Prompt { get; } = prompt;

    public IReadOnlyList<ModelExchange> Exchanges => _exchanges;

    /// <summary>How many pieces of text the caller of the stream has seen.</summary>
    public int Chunks { get; private set; }

    /// <summary>When the first one was seen; 0 before it.</summary>
    public long FirstText { get; private set; }

    public long LastText { get; private set; }

    public ModelExchange BeginExchange()
    {
        var exchange = _prepared ?? Prepare(runId, sequence, _exchanges.Count + 1, cancelled);
        _prepared = null;
        _exchanges.Add(exchange);
        return exchange;
    }

    /// <summary>The caller of the stream sees a piece of text.</summary>
    public void SeeText()
    {
        LastText = Stopwatch.GetTimestamp();
        FirstText = Chunks++ == 0 ? LastText : FirstText;
    }

    private static ModelExchange Prepare(string runId, long sequence, int call, CancellationToken cancelled) =>
        new(TraceIds.Derive(runId, sequence, call).TraceParent, cancelled);
}
