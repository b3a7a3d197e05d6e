using System.Collections.Concurrent;
using PerfCompare.Agent.Flavours;

namespace PerfCompare.Agent.Benchmark;

/// <summary>
/// The sessions of the scenario <c>conversation</c>: a worker takes an idle one that has turns left,
/// or opens one. They outlive a block, so that a run in several blocks goes on with its turns.
/// </summary>
internal sealed class SessionPool(IModelCaller caller, int turns)
{
    private readonly ConcurrentStack<Session> _idle = new();

    public async ValueTask<Session> TakeAsync()
    {
        var session = _idle.TryPop(out var idle)
            ? idle
            : new Session(await caller.OpenSessionAsync().ConfigureAwait(false));
        session.Turn++;
        return session;
    }

    /// <summary>A failed turn ends its session: nobody knows what its history holds.</summary>
    public void GiveBack(Session session, bool hasSucceeded)
    {
        if (hasSucceeded && session.Turn < turns)
        {
            _idle.Push(session);
        }
    }
}
